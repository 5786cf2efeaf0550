package hook

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// Move gives an address to another container of this node, which gets it
// written at its next start. Both must be stopped.
func (h *Hook) Move(ctx context.Context, addr netip.Addr, to pve.VMID) error {
	r := run{Hook: h, id: to, phase: "move"}
	unlock, err := h.halted(ctx, to)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := r.subject(pve.Container)
	if err != nil {
		return err
	}
	n, ok := r.fits(s, addr)
	if !ok {
		return fmt.Errorf("CT %s has no interface that a pool serves on node %s", to, h.Env.Name)
	}
	inv, err := h.Inventory(ctx)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(inv.Guests)) {
		g := inv.Guests[id]
		if g.Kind == pve.Container && g.Node == h.Env.Name && id != to && names(inv, id, addr) {
			if state, err := h.Runs.RunState(id); err != nil || state != node.Stopped {
				return fmt.Errorf("CT %s is %s; stop it first", id, state)
			}
		}
	}
	key := lease.Key{Segment: n.pools[0].Segment(), Addr: addr}
	w, want := r.world(inv), n.want(&port{}, false)
	err = h.asking(&w, func() error {
		return h.Ledger.Update(ctx, func(t *lease.Table) error { return t.Move(w, r.stamp(), key, want) })
	})
	if err != nil {
		return err
	}
	r.remember(lease.Lease{Key: key, Owner: n.owner}, "moved", "by hand")
	return nil
}

// fits finds the place for an address: the first NIC that is served by the pool
// that the address belongs to there, else the first of its family.
func (r *run) fits(s subject, addr netip.Addr) (found request, ok bool) {
	for _, n := range s.requests {
		if n.family != pve.FamilyOf(addr) || len(n.pools) == 0 {
			continue
		}
		here := pve.NewSegment(n.nic.Bridge, n.nic.Tag, r.Env.Name)
		if p := r.Pools.Pools.Of(lease.Key{Segment: here, Addr: addr}); p != nil && slices.Contains(n.pools, p) {
			return n, true
		}
		if !ok {
			found, ok = n, true
		}
	}
	return found, ok
}

// names reports whether a guest's config names an address.
func names(inv lease.Inventory, id pve.VMID, addr netip.Addr) bool {
	for _, u := range inv.Uses[addr] {
		if u.Owner.VMID == id && u.Where != lease.Snapshot {
			return true
		}
	}
	return false
}
