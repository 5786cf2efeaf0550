package hook

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// Vouch records an administrator's word that nobody else has the addresses with
// which a stopped guest of this node starts next, so that it may start where
// the wire can't tell. One that somebody answers for stays that one's: the start
// asks. The word holds until somebody is heard or another config names one.
func (h *Hook) Vouch(ctx context.Context, id pve.VMID) ([]lease.Lease, error) {
	r := run{Hook: h, id: id, phase: "confirm"}
	halt := h.halted
	kind := r.kind()
	if kind == pve.VM {
		halt = h.haltedVM
	}
	unlock, err := halt(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := r.subject(kind)
	if err != nil {
		return nil, err
	}
	requests := slices.DeleteFunc(s.requests, func(n request) bool { return len(n.pools) == 0 || kind == pve.VM && !n.current().IsValid() })
	if len(requests) == 0 {
		return nil, nil
	}
	for i := range requests {
		requests[i].fixed = kind == pve.VM
	}
	assignments, ports := r.assignments(requests)
	defer closeAll(ports)
	inv, err := h.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	w := r.world(inv)
	if err := r.othersStopped(w, requests); err != nil {
		return nil, err
	}
	return r.vouch(ctx, w, assignments)
}

// vouch claims what the next start would, and leaves it released: the guest is
// stopped.
func (r *run) vouch(ctx context.Context, w lease.World, assignments []*assignment) (vouched []lease.Lease, err error) {
	wants := make([]lease.Want, len(assignments))
	for i, t := range assignments {
		wants[i] = t.want(t.wire, false)
	}
	err = r.asking(&w, func() error {
		return r.update(ctx, w, func(t *lease.Table) error {
			grants, err := t.Acquire(w, r.stamp(), wants)
			for _, g := range grants {
				err = cmp.Or(err, mismatch(g))
			}
			vouched = t.Vouch(w, assignments[0].owner.Kind, r.id)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for _, l := range vouched {
		_ = r.Heard.Put(voice(l.Owner, l.Addr), "")
		r.remember(l, "confirmed", "by hand")
	}
	return vouched, nil
}

// othersStopped refuses the word while a guest runs on this node whose config
// names one of the addresses.
func (r *run) othersStopped(w lease.World, requests []request) error {
	for _, n := range requests {
		for _, u := range w.Inventory.Uses[n.current().Addr()] {
			g := w.Inventory.Guests[u.Owner.VMID]
			if u.Owner.VMID == r.id || g.Node != r.Env.Name || u.Where == lease.Snapshot {
				continue
			}
			if state, err := r.runState(g); err != nil || state != node.Stopped {
				return &lease.ConflictError{Addr: u.Addr, Reason: fmt.Sprintf("is named by the config of %s, which is %s: stop it, or give one of the two another address", u.Owner.Guest(), state)}
			}
		}
	}
	return nil
}
