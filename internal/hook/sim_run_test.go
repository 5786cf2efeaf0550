package hook_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// guestRun is one life of a container under its lxc-start.
type guestRun struct {
	n       *machine
	id      pve.VMID
	sup     *sim.Actor // its lxc-start
	started time.Duration
	socket  bool // its command socket is there: it runs
	ending  bool // somebody told it to
	gone    bool // so is its lxc-start
	stray   bool // its config is another node's meanwhile
	mute    bool // it answers nobody
	carries []carried

	vouched bool      // a pre-start let it begin
	hooked  time.Time // when that began
	said    string    // and what it said
}

// inOrder lists the runs of a node by VMID.
func (n *machine) inOrder() []*guestRun {
	out := make([]*guestRun, 0, len(n.runs))
	for _, id := range slices.Sorted(maps.Keys(n.runs)) {
		out = append(out, n.runs[id])
	}
	return out
}

// task takes Proxmox's lock and works under it; ok is false when it didn't
// get it.
func (c *cluster) task(a *sim.Actor, n *machine, id pve.VMID, f func()) (ok bool) {
	wait, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if !a.Await(wait, "task waits for the config's lock", func() bool { return n.locks[id] == nil }) {
		return false
	}
	defer n.hold(id, a)()
	if c.backed[id] { // "lock: backup" in the config
		return false
	}
	f()
	return true
}

// start is Proxmox's order of a container's start. It returns the hook's exit
// code, -1 when it never came to that.
func (c *cluster) start(a *sim.Actor, n *machine, id pve.VMID) (code int) {
	code = -1
	a.At("start: does it run?", id.String())
	if r := n.runs[id]; r != nil && r.socket {
		return code
	}
	c.task(a, n, id, func() { code = c.boot(a, n, id) })
	return code
}

// boot is the part of a start under the config's lock, if there is one.
func (c *cluster) boot(a *sim.Actor, n *machine, id pve.VMID) int {
	a.At("start: reads the config", id.String())
	cf := n.etc.guests[id]
	now := guest.Parse(pve.Container, []byte(cf.text))
	if cf.node != n.name || now.Template() {
		return -1
	}
	p := &process{}
	code, hooked := hook.OK, time.Now()
	if inventory.Hooked(now.Hookscript()) {
		p, code = c.call(a, n, id, hook.PreStart, nil)
	}
	said := p.said.String()
	if code != hook.OK || strings.Contains(said, "is running already") {
		return code
	}
	if p.a == nil {
		p.left = n.etc.guests[id].text
	}
	a.Await(context.Background(), "start: systemd waits for the unit's last end", func() bool { return n.state(id) != node.Stopping })
	if n.runs[id] != nil {
		return code // an active unit is started already
	}
	r := &guestRun{n: n, id: id, started: n.uptime(), hooked: hooked, said: said, vouched: p.a != nil}
	if !n.past[id].Before(hooked) {
		// Its end, which may come just now, is the end of a run that began after
		// this one's lease was claimed.
		r.vouched = false
	}
	if p.a != nil && p.grabs != n.grabs[id] {
		// A stop-mode backup starts without the config's lock: a command that
		// takes it between pre-start and lxc-start can't know of the start.
		r.vouched = false
	}
	n.runs[id] = r
	up := false
	c.supervise(a, r, p.left, func() { up = true })
	a.Await(context.Background(), "start: waits for the container", func() bool { return up || r.gone })
	if up && p.a != nil && len(n.notes["unbound"]) > 0 {
		c.call(a, n, id, hook.PostStart, nil)
	}
	return code
}

// call has Proxmox call the hook, and returns its exit code.
func (c *cluster) call(a *sim.Actor, n *machine, id pve.VMID, phase hook.Phase, under *guestRun) (*process, int) {
	code := -1
	p := c.program(a, string(phase)+" "+id.String(), n, func(ctx context.Context, p *process, h *hook.Hook) {
		p.under = under
		code = h.Run(ctx, id, phase, hook.Options{})
		p.left, p.grabs = n.etc.guests[id].text, n.grabs[id]
	})
	if under != nil { // systemd kills what is left of the unit
		a.OnExit(p.a.Doom)
	}
	a.Await(context.Background(), "waits for its hook", p.a.Done)
	if phase == hook.PreStart {
		c.watch.exits = append(c.watch.exits, exit{p.a.Name, code, p.said.String()})
	}
	return p, code
}

// supervise starts a run's lxc-start.
func (c *cluster) supervise(a *sim.Actor, r *guestRun, let string, up func()) {
	r.sup = c.Start(nil, "lxc-start "+r.id.String(), r.n.name, func(l *sim.Actor) { c.live(l, r, let, up) })
	r.sup.For = a
	runs := r.n.runs
	r.sup.OnExit(func() {
		r.gone, r.socket = true, false
		if runs[r.id] == r {
			delete(runs, r.id)
		}
	})
}

// live is an lxc-start from its beginning to its end. let is the config that
// the pre-start left.
func (c *cluster) live(a *sim.Actor, r *guestRun, let string, up func()) {
	a.At("PVE's own hook reads the config again")
	now, ok := r.n.etc.guests[r.id]
	if !ok {
		return
	}
	r.vouched = r.vouched && (now.text == let || now.byHook)
	a.At("the container comes up")
	r.comesUp(now.text)
	c.watch.booted(c, r)
	c.announce(r)
	up()
	a.Idle = true
	a.Await(context.Background(), "lives", func() bool { return r.ending })
	a.Idle = false
	a.At("the container goes down")
	r.socket = false
	c.stopped(a, r)
}

// stopped is what follows a container's end under its lxc-start.
func (c *cluster) stopped(a *sim.Actor, r *guestRun) {
	a.At("PVE's post-stop reads the config")
	cf, ok := r.n.etc.guests[r.id]
	if ok && cf.node == r.n.name {
		a.At("PVE's post-stop rewrites the config")
		if now := r.n.etc.guests[r.id]; now.node == r.n.name {
			c.put(r.n, r.id, r.n.name, cf.text, cf.byHook)
		}
		if inventory.Hooked(guest.Parse(pve.Container, []byte(cf.text)).Hookscript()) {
			c.call(a, r.n, r.id, hook.PostStop, r)
		}
	}
	a.At("lxc-start ends")
}

// stop is a stop task.
func (c *cluster) stop(a *sim.Actor, n *machine, id pve.VMID) {
	c.task(a, n, id, func() { c.down(a, n, id) })
}

// down ends a run and waits for it.
func (c *cluster) down(a *sim.Actor, n *machine, id pve.VMID) {
	a.At("stop: tells the container", id.String())
	if r := n.runs[id]; r != nil {
		r.ending = true
		a.Await(context.Background(), "stop: waits for the container", func() bool { return r.gone })
	}
}
