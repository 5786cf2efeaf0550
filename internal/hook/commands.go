package hook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// Offer asks for an address for a guest that does not exist yet.
type Offer struct {
	Owner  pve.Owner
	Family pve.Family
	Pool   string // empty: the only pool of this node that serves the NIC
	MAC    pve.MAC
	For    time.Duration // how long the address is kept for the guest to come
}

// Acquire leases an address for a guest before it is created, proves it and
// returns it. A guest that has a lease already gets just that.
func (h *Hook) Acquire(ctx context.Context, o Offer) (lease.Lease, lease.Grant, error) {
	r := run{Hook: h, id: o.Owner.VMID, phase: "acquire"}
	p, err := h.pool(o)
	if err != nil {
		return lease.Lease{}, lease.Grant{}, err
	}
	n := request{
		owner: o.Owner, family: o.Family, pools: []*lease.Pool{p}, until: h.Env.Now().Add(o.For).Truncate(time.Second),
		nic: guest.NIC{Index: o.Owner.NIC, Bridge: p.Bridge, Tag: p.VLAN, MAC: o.MAC},
	}
	inv, err := h.Inventory(ctx)
	if err != nil {
		return lease.Lease{}, lease.Grant{}, err
	}
	if g := inv.Guests[r.id]; g.Template {
		return lease.Lease{}, lease.Grant{}, templateError(guestName(g))
	}
	r.warnOfUnread(inv)
	w := r.world(inv)
	if g, ok, err := h.held(ctx, w, o); ok || err != nil {
		return g.Lease, g, err
	}
	w.Pools = []lease.Pool{*p}
	assignments, ports := r.assignments([]request{n})
	defer closeAll(ports)
	t := assignments[0]
	if err := r.claim(ctx, w, assignments); err != nil || t.g.Lease.State != lease.Offered {
		return t.g.Lease, t.g, err
	}
	err = r.prove(ctx, w, assignments, ports, func() error { return nil })
	if err == nil {
		err = r.confirm(ctx, assignments)
	}
	if err != nil {
		// What isn't proved must not be taken for an offer by the next call.
		undo := h.Ledger.Update(ctx, func(tb *lease.Table) error { tb.Withdraw(t.g); return nil })
		return lease.Lease{}, lease.Grant{}, errors.Join(err, undo)
	}
	r.proved(ctx, t.g)
	return t.g.Lease, t.g, nil
}

// held is the lease of a guest that exists and has started before: an offer
// changes nothing about it.
func (h *Hook) held(ctx context.Context, w lease.World, o Offer) (g lease.Grant, ok bool, err error) {
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return g, false, err
	}
	for _, l := range t.Of(o.Owner) {
		if p := w.Pools.Of(l.Key); p != nil && l.State != lease.Offered && p.Family() == o.Family {
			return lease.Grant{
				Want: lease.Want{Owner: o.Owner, Family: o.Family, Bridge: l.Segment.Bridge, Tag: l.Segment.Tag}, Lease: l, Pool: p, How: lease.Renewed,
				Address: netip.PrefixFrom(l.Addr, p.Subnet.Bits()), Gateway: p.Gateway.Addr, Why: "its lease",
			}, true, nil
		}
	}
	return g, false, nil
}

// pool is the one that an offer names.
func (h *Hook) pool(o Offer) (*lease.Pool, error) {
	var here []*lease.Pool
	for i := range h.Pools.Pools {
		p := &h.Pools.Pools[i]
		switch {
		case p.Family() != o.Family:
		case p.Name == o.Pool:
			return p, nil
		case p.NICs.Has(o.Owner.NIC) && p.Serves(h.Env.Name, p.Bridge, p.VLAN):
			here = append(here, p)
		}
	}
	what := "pool"
	if o.Family == pve.IPv6 {
		what = "IPv6 pool"
	}
	switch {
	case o.Pool != "":
		return nil, fmt.Errorf("there is no %s %q; 'pve-iplease pool list' shows them", what, o.Pool)
	case len(here) == 0 && len(h.Pools.Disabled) > 0:
		return nil, fmt.Errorf("no %s serves node %s: %w", what, h.Env.Name, (&run{Hook: h}).brokenPools())
	case len(here) == 0 && o.Owner.NIC > 0:
		return nil, fmt.Errorf("no %s serves net%d on node %s; name it in a pool's 'nics'", what, o.Owner.NIC, h.Env.Name)
	case len(here) == 0:
		return nil, fmt.Errorf("no %s serves node %s; write one into the pools file", what, h.Env.Name)
	case len(here) > 1:
		return nil, fmt.Errorf("%d %ss serve node %s; name one with --pool", len(here), what, h.Env.Name)
	}
	return here[0], nil
}

// Renumber gives a stopped container another address and writes it into its
// config at once.
func (h *Hook) Renumber(ctx context.Context, id pve.VMID, opt Options) int {
	opt.Move = true
	r := run{Hook: h, id: id, phase: "renumber", opt: opt}
	return r.preStart(ctx)
}

// Release ends a stopped guest's hold on its addresses.
func (h *Hook) Release(ctx context.Context, id pve.VMID) ([]lease.Lease, error) {
	inv, err := h.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	g, exists := inv.Guests[id]
	if exists && g.Node != h.Env.Name {
		return nil, fmt.Errorf("guest %s is on node %s, and only that node knows whether it runs; run the command there", id, g.Node)
	}
	if exists && g.Kind == pve.VM {
		unlock, err := h.haltedVM(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("%w: a running guest keeps its address", err)
		}
		defer unlock()
	}
	if exists && g.Kind == pve.Container {
		unlock, err := h.halted(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("%w: a running guest keeps its address", err)
		}
		defer unlock()
	}
	if t, err := h.Ledger.View(ctx); err == nil && len(t.Guest(g.Kind, id)) == 0 {
		return nil, nil
	}
	return h.free(ctx, (&run{Hook: h}).world(inv), g.Kind, id)
}

// free ends a guest's hold on its addresses. Where the ledger has no room for
// the word that they are free, the leases go.
func (h *Hook) free(ctx context.Context, w lease.World, kind pve.Kind, id pve.VMID) (freed []lease.Lease, err error) {
	err = h.Ledger.Update(ctx, func(t *lease.Table) error {
		t.ForgetMarks(w)
		freed = t.Free(kind, id, w.Now.Truncate(time.Second))
		return nil
	})
	if errors.Is(err, ledger.ErrFull) {
		err = h.Ledger.Update(ctx, func(t *lease.Table) error {
			t.Shrink(w)
			freed = t.Forget(kind, id)
			return nil
		})
	}
	return freed, err
}

// halted makes sure that a container is stopped and, until unlock is called,
// that Proxmox doesn't start it: a start that began before its lease was taken
// away would go on with the address.
func (h *Hook) halted(ctx context.Context, id pve.VMID) (unlock func(), err error) {
	unlock, err = h.Guests.LockGuest(ctx, id, patience)
	if err != nil {
		return nil, err
	}
	if state, err := h.Runs.RunState(id); err != nil || state != node.Stopped {
		unlock()
		return nil, errors.Join(err, fmt.Errorf("CT %s is %s; stop it first", id, state))
	}
	return unlock, nil
}

// haltedVM is halted for a virtual machine.
func (h *Hook) haltedVM(ctx context.Context, id pve.VMID) (unlock func(), err error) {
	unlock, err = h.VMs.Lock(ctx, id)
	if err != nil {
		return nil, err
	}
	if state, err := h.VMs.RunState(id); err != nil || state != node.Stopped {
		unlock()
		return nil, errors.Join(err, fmt.Errorf("VM %s is %s; stop it first", id, state))
	}
	return unlock, nil
}

// ExitCode maps an error of the commands to the process's exit code.
func ExitCode(err error) int {
	if err == nil {
		return OK
	}
	return exitCode(err)
}
