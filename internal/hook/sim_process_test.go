package hook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"pve-iplease/internal/history"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// process is one run of the program on a node. It is what that program sees:
// the collaborators of a hook.Hook.
type process struct {
	*cluster
	n     *machine
	a     *sim.Actor
	under *guestRun // the lxc-start that it is a post-stop of
	said  bytes.Buffer
	left  string              // the guest's config when it ended
	grabs int                 // of the config's lock until then
	seen  map[pve.VMID]glance // what it has read of guests, the node's cache to begin with
	began beginning
}

// hook puts the real hook together on this process.
func (p *process) hook() *hook.Hook {
	pools := p.pools
	h := &hook.Hook{
		Env: hook.Env{
			Name: p.n.name, Boot: p.n.boot(), Version: "sim", Uptime: p.n.uptime, Now: p.n.now,
			Orphaned: func() bool { return p.a.Parent() != nil && p.a.Parent().Done() },
			Under:    p.stoppingRun,
		},
		Pools: &pools, Ledger: ledger.New(p, "lab"), Guests: p, Runs: p, LXC: p, LastMAC: func(netip.Addr) pve.MAC { return pve.MAC{} }, LeaveAnnouncement: func(pve.VMID, []byte) error { return nil }, Gateways: p,
		Inventory: p.inventory, Open: p.open, Quorate: p.quorum, Remember: func(history.Event) {},
		Proved: p.notes("proved"), Heard: p.notes("heard"), Unbound: p.notes("unbound"), Unreleased: p.notes("unreleased"), Background: p.beside, Parallel: inTurn,
		NewID: func() string { p.ids++; return fmt.Sprintf("%08x", p.ids) },
		Log:   report.New(&p.said, &p.said, ""),
	}
	h.Noting()
	return h
}

// quorum asks as node.Host does, by the mode of a link.
func (p *process) quorum(context.Context) error {
	if !p.n.quorate {
		return ledger.ErrNoQuorum
	}
	return nil
}

// program starts a process on a node and returns it.
func (c *cluster) program(parent *sim.Actor, name string, n *machine, f func(context.Context, *process, *hook.Hook)) *process {
	p := &process{cluster: c, n: n}
	p.a = c.Start(parent, name, n.name, func(a *sim.Actor) {
		p.a, p.began = a, n.beginning(c.watch.table)
		ctx, cancel := hook.WithDeadline(context.Background(), c.deadline)
		defer cancel()
		ctx, signal := context.WithCancelCause(ctx)
		defer signal(nil)
		a.Interrupt = func() { signal(errors.New("SIGTERM")) }
		f(ctx, p, p.hook())
	})
	return p
}

func (p *process) ReadGuest(k pve.Kind, id pve.VMID) ([]byte, error) {
	p.a.At("reads the config of", id.String())
	c, ok := p.n.etc.guests[id]
	if !ok || c.node != p.n.name || k != pve.Container {
		return nil, fmt.Errorf("CT %s: %w", id, node.ErrNoGuest)
	}
	return []byte(c.text), nil
}

func (p *process) LockGuest(ctx context.Context, id pve.VMID, patience time.Duration) (func(), error) {
	p.a.At("takes Proxmox's lock of", id.String())
	if h := p.n.locks[id]; h != nil && p.a.Descends(h) {
		return func() {}, nil
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !p.a.Await(wait, "waits for Proxmox's lock", func() bool { return p.n.locks[id] == nil }) {
		return nil, fmt.Errorf("CT %s: %w by a stranger", id, node.ErrLocked)
	}
	p.n.grabs[id]++
	return p.n.hold(id, p.a), nil
}

// hold takes the lock on a config for an actor, which loses it when it ends.
func (n *machine) hold(id pve.VMID, a *sim.Actor) (unlock func()) {
	locks := n.locks
	locks[id] = a
	unlock = func() {
		if locks[id] == a {
			delete(locks, id)
		}
	}
	a.OnExit(unlock)
	return unlock
}

func (p *process) Replace(ctx context.Context, k pve.Kind, id pve.VMID, old, data []byte) error {
	holds := func(want []byte) error {
		switch c, ok := p.n.etc.guests[id]; {
		case !ok || c.node != p.n.name:
			return node.ErrNoGuest
		case c.text != string(want):
			return node.ErrChanged
		}
		return nil
	}
	p.a.At("compares the config before writing")
	if err := holds(old); err != nil || bytes.Equal(old, data) {
		return err
	}
	p.a.At("compares the config once more")
	if err := errors.Join(holds(old), context.Cause(ctx)); err != nil {
		return err
	}
	// Nothing can come between this comparison and the rename but what
	// comes between two system calls; see the scenario for it.
	p.watch.edit(old, data)
	p.checkNamed(id, old, data)
	if !p.put(p.n, id, p.n.name, string(data), true) {
		return errors.New("config stays as it was: no quorum")
	}
	p.a.At("reads the config back")
	return holds(data)
}

// What Proxmox keeps for LXC is not simulated.
func (p *process) ReadConfig(pve.VMID) ([]byte, error) { return nil, nil }
func (p *process) WriteConfig(pve.VMID, []byte) error  { return nil }
func (p *process) IgnoresNetwork(pve.VMID) bool        { return false }

func (p *process) RunState(id pve.VMID) (node.State, error) {
	p.a.At("asks whether it is stopping:", id.String())
	return p.n.state(id), nil
}

func (n *machine) state(id pve.VMID) node.State {
	switch r := n.runs[id]; {
	case r == nil:
		return node.Stopped
	case r.socket:
		return node.Running
	}
	return node.Stopping
}

func (p *process) AwaitStopped(ctx context.Context, id pve.VMID) error {
	p.a.Await(ctx, "waits for the end of its lxc-start", func() bool { return p.n.state(id) != node.Stopping })
	switch p.n.state(id) {
	case node.Running:
		return node.ErrRunning
	case node.Stopping:
		return context.DeadlineExceeded
	}
	return nil
}

// beside does the work before what follows, or not until it is waited for: a
// goroutine may come at either time.
func (p *process) beside(work func()) (wait func()) {
	if p.a.Rand().IntN(2) == 0 {
		work()
		return func() {}
	}
	return sync.OnceFunc(work)
}

// inTurn does what is done at once one after the other.
func inTurn(works ...func()) {
	for _, work := range works {
		work()
	}
}

func (p *process) Running(id pve.VMID) (bool, error) {
	p.a.At("asks whether it runs:", id.String())
	return p.n.state(id) == node.Running, nil
}

func (p *process) stoppingRun(id pve.VMID) (time.Duration, bool) {
	p.a.At("looks for the lxc-start that it runs under")
	if p.under == nil || p.under.gone {
		return 0, false
	}
	return p.under.started, true
}
