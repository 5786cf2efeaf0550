package hook

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/history"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Outage is the time after the power came back, as far as it can be known
// before: guests start one after the other, on copies of the ledger and of the
// configs that nobody else sees. What decides is the hook itself.
type Outage struct {
	hook  *Hook
	read  func(lease.Guest) ([]byte, error)
	first *lease.Table // the ledger as it is now; nil: it can't be read
	table *lease.Table // likewise, as the starts so far leave it
	lost  error        // why the ledger can't be read
	after time.Duration
	inv   lease.Inventory
	conf  map[pve.VMID][]byte // likewise, of the guests that started

	// Heard says who is there on a node's network besides the guests that start.
	Heard func(node string, at probe.Place, a netip.Addr) []pve.MAC
	// Closed says whether a bridge of a node is a network of that node alone.
	Closed func(node, bridge string) bool
}

// Came is what becomes of one start.
type Came struct {
	Code   int
	Errors []string
	Warns  []string // without those about the configuration
	Notes  []string
	Before []lease.Use // the addresses that the config named
	After  []lease.Use // and names now
}

// Outage prepares a rehearsal that begins some time from now. read reads a
// guest's config on whatever node it is.
func (h *Host) Outage(ctx context.Context, after time.Duration, read func(lease.Guest) ([]byte, error)) (*Outage, error) {
	t, err := h.Ledger.View(ctx)
	inv, ierr := h.Inventory(ctx)
	if ierr != nil {
		return nil, ierr
	}
	o := &Outage{
		lost: err, read: read, conf: map[pve.VMID][]byte{},
		Heard:  func(string, probe.Place, netip.Addr) []pve.MAC { return nil },
		Closed: func(string, string) bool { return false },
	}
	o.hook, o.first, o.table, o.inv = h.Hook, t, t, copyOf(inv)
	o.after = after
	return o, nil
}

// on is a hook on a node that has just come up. Nothing of the real one is in
// it that could change anything: whatever a hook gets to write with later is
// missing here until it is thought of.
func (o *Outage) on(name string, said *memo) *Hook {
	h := o.hook
	return &Hook{
		Env: Env{
			Name: name, Boot: "rehearse", Version: h.Env.Version, Uptime: h.Env.Uptime,
			Under:    func(pve.VMID) (time.Duration, bool) { return 0, false },
			Now:      func() time.Time { return h.Env.Now().Add(o.after) },
			Orphaned: func() bool { return false },
		},
		Pools: h.Pools, Problems: h.Problems, Ledger: stored{o}, Guests: o, Runs: o, VMs: o, LXC: unmade{}, Gateways: o,
		Inventory: func(context.Context) (lease.Inventory, error) { return o.inv, nil },
		Open: func(at probe.Place) (Wire, bool, error) {
			return absent{o, name, at}, o.Closed(name, at.Bridge), nil
		},
		NewID: h.NewID, Makers: h.Makers, Log: report.New(said, said, ""),
		Remember:          func(history.Event) {},
		LastMAC:           func(netip.Addr) pve.MAC { return pve.MAC{} },
		LeaveAnnouncement: func(pve.VMID, []byte) error { return nil },
		Proved:            NoNotes{}, Heard: NoNotes{}, Unbound: NoNotes{}, Unreleased: NoNotes{},
		Background: func(work func()) func() { work(); return func() {} },
		Parallel: func(works ...func()) {
			for _, work := range works {
				work()
			}
		},
	}
}

// Boot starts a guest on a node. It stays started for those that follow.
func (o *Outage) Boot(ctx context.Context, id pve.VMID, on string) Came {
	g := o.inv.Guests[id]
	raw, err := o.ReadGuest(g.Kind, id)
	if err != nil {
		return Came{Code: Failed, Errors: []string{report.Clean(err.Error())}}
	}
	o.conf[id] = raw
	came := Came{Before: guest.Parse(g.Kind, raw).Uses(id)}
	g.Node = on
	o.inv.Guests[id] = g
	o.enter(g, raw)
	var said memo
	came.Code = o.on(on, &said).Run(ctx, id, PreStart, Options{})
	said.sort(&came, o.hook.Problems)
	came.After = guest.Parse(g.Kind, o.conf[id]).Uses(id)
	return came
}

// stored is the ledger's copy. One that can't be read fails as the real one
// would, and is rebuilt as that would be.
type stored struct{ *Outage }

func (s stored) View(context.Context) (*lease.Table, error) {
	if s.table == nil {
		return nil, s.lost
	}
	return s.table.Clone(nil), nil
}

func (s stored) Update(_ context.Context, f func(*lease.Table) error) error {
	if s.table == nil {
		return s.lost
	}
	next := s.table.Clone(nil)
	err := f(next)
	if err == nil && next.Changed() {
		next.Generation++
		s.table = next.Clone(nil)
	}
	return err
}

func (s stored) Rebuild(_ context.Context, _ time.Time, f func() (*lease.Table, error)) (int, error) {
	t, err := f()
	if err == nil {
		s.table = t
	}
	return 0, err
}

// Without is the outage as it would be if the guest had not started yet.
func (o *Outage) Without(id pve.VMID) *Outage {
	c := *o
	c.conf, c.inv = maps.Clone(o.conf), copyOf(o.inv)
	delete(c.conf, id)
	if c.table != nil {
		c.table = c.table.Clone(func(l lease.Lease) bool { return l.Owner.VMID != id })
	}
	if o.first != nil && c.table != nil {
		for _, l := range o.first.Guest(o.inv.Guests[id].Kind, id) {
			c.table.Add(l)
		}
	}
	return &c
}

// enter puts what a guest's config names into the inventory.
func (o *Outage) enter(g lease.Guest, raw []byte) {
	for a, uses := range o.inv.Uses {
		if slices.ContainsFunc(uses, func(u lease.Use) bool { return u.Owner.VMID == g.VMID }) {
			o.inv.Uses[a] = slices.DeleteFunc(slices.Clone(uses), func(u lease.Use) bool { return u.Owner.VMID == g.VMID })
		}
	}
	for _, u := range guest.Parse(g.Kind, raw).Uses(g.VMID) {
		u.Segment.Nodes = g.Node
		o.inv.Uses[u.Addr] = append(slices.Clone(o.inv.Uses[u.Addr]), u)
	}
}

func copyOf(inv lease.Inventory) lease.Inventory {
	inv.Guests, inv.Uses = maps.Clone(inv.Guests), maps.Clone(inv.Uses)
	return inv
}

// ReadGuest reads a config as the starts so far leave it.
func (o *Outage) ReadGuest(k pve.Kind, id pve.VMID) ([]byte, error) {
	g, exists := o.inv.Guests[id]
	if !exists || g.Kind != k {
		return nil, fmt.Errorf("%s: %w", pve.Owner{Kind: k, VMID: id}.Guest(), node.ErrNoGuest)
	}
	if raw, started := o.conf[id]; started {
		return raw, nil
	}
	return o.read(g)
}

// LockGuest needs no lock: nobody else sees the copy.
func (o *Outage) LockGuest(context.Context, pve.VMID, time.Duration) (func(), error) {
	return func() {}, nil
}

// Replace keeps what would have been written.
func (o *Outage) Replace(_ context.Context, _ pve.Kind, id pve.VMID, old, data []byte) error {
	if !bytes.Equal(o.conf[id], old) {
		return node.ErrChanged
	}
	o.conf[id] = data
	o.enter(o.inv.Guests[id], data)
	return nil
}

// RunState is that of a node that has just come up: nothing runs.
func (o *Outage) RunState(pve.VMID) (node.State, error) { return node.Stopped, nil }

// Running is likewise false.
func (o *Outage) Running(pve.VMID) (bool, error) { return false, nil }

// AwaitStopped has nobody to wait for.
func (o *Outage) AwaitStopped(context.Context, pve.VMID) error { return nil }

// Lock needs no lock either.
func (o *Outage) Lock(context.Context, pve.VMID) (func(), error) { return func() {}, nil }

// MAC knows no gateway: it may come up later than the node.
func (o *Outage) MAC(string, uint16, netip.Addr) (pve.MAC, bool) { return pve.MAC{}, false }

// Learn learns nothing.
func (o *Outage) Learn(string, uint16, netip.Addr, pve.MAC, string) pve.MAC { return pve.MAC{} }

// Missed remembers nothing.
func (o *Outage) Missed(string, uint16, netip.Addr) {}

// absent is a network that is not there yet: it answers with what is known.
type absent struct {
	*Outage
	node string
	at   probe.Place
}

// Ask finds everything free for which nobody was heard.
func (w absent) Ask(_ context.Context, q probe.Question) (probe.Result, error) {
	var res probe.Result
	for _, a := range q.Candidates {
		answer := probe.Answer{Addr: a, Verdict: probe.Free}
		for _, m := range w.Heard(w.node, w.at, a) {
			if !slices.Contains(q.Own, m) {
				answer.Verdict, answer.MACs, answer.Ports = probe.Taken, append(answer.MACs, m), append(answer.Ports, "")
			}
		}
		res.Answers = append(res.Answers, answer)
	}
	return res, nil
}

// MAC is no prober's.
func (w absent) MAC() pve.MAC { return pve.MAC{} }

// Close closes nothing.
func (w absent) Close() {}

// unmade stands for what Proxmox generates for LXC before a start.
type unmade struct{}

// ReadConfig finds none.
func (unmade) ReadConfig(pve.VMID) ([]byte, error) { return nil, nil }

// WriteConfig has nothing to write.
func (unmade) WriteConfig(pve.VMID, []byte) error { return nil }

// IgnoresNetwork can't be told: the container's file system is not mounted.
func (unmade) IgnoresNetwork(pve.VMID) bool { return false }

// memo takes down what a start says.
type memo struct{ bytes.Buffer }

// sort tells errors, warnings and notes apart.
func (m *memo) sort(c *Came, problems []config.Problem) {
	for line := range strings.Lines(m.String()) {
		text := strings.TrimPrefix(strings.TrimSpace(line), "pve-iplease: ")
		if s, ok := strings.CutPrefix(text, "error: "); ok {
			c.Errors = append(c.Errors, s)
		} else if s, ok := strings.CutPrefix(text, "warning: "); !ok {
			c.Notes = append(c.Notes, text)
		} else if !ofConfig(s, problems) {
			c.Warns = append(c.Warns, s)
		}
	}
}

// ofConfig reports whether a warning is one that every start repeats.
func ofConfig(text string, problems []config.Problem) bool {
	about := func(p config.Problem) bool { return strings.HasPrefix(text, p.File+":") }
	return len(problems) > 0 && strings.HasPrefix(text, "and ") || slices.ContainsFunc(problems, about)
}
