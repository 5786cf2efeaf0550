package lease

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// Heard is what the wire said about one address in a probe window.
type Heard struct {
	Addr      netip.Addr
	By        []pve.MAC // who answers, announces or probes for it
	Ports     []string  // of this node's bridge, by which each was heard; "" where unknown
	Taken     bool      // by answers or announcements
	Contended bool      // by somebody else's RFC 5227 probes
	Silent    bool      // asked properly, and nobody spoke
}

// Taken reports whether somebody was heard to have the claimed address.
func (g *Grant) Taken(heard []Heard) bool {
	return slices.ContainsFunc(heard, func(h Heard) bool { return h.Addr == g.Lease.Addr && h.Taken })
}

// Contended reports whether a prober that is no node of ours, and no guest's
// NIC that asks for a spare, wants the claimed address.
func (t *Table) Contended(g Grant, heard []Heard) bool {
	unknown := func(m pve.MAC) bool { return !t.Sibling(m) && !t.leased(m, g.Lease.Addr) }
	return slices.ContainsFunc(heard, func(h Heard) bool {
		return h.Addr == g.Lease.Addr && h.Contended && slices.ContainsFunc(h.By, unknown)
	})
}

// leased reports whether a NIC with this MAC has a lease of another address of
// the family and is starting or running with it. What probes for the address
// in its name is a sibling that asks for a spare: on a VLAN it speaks with the
// MAC of the NIC that it asks for, and with its stand-in.
func (t *Table) leased(m pve.MAC, other netip.Addr) bool {
	for a, at := range t.byAddr {
		if a != other && pve.FamilyOf(a) == pve.FamilyOf(other) && slices.ContainsFunc(at, func(l *Lease) bool { return (l.MAC == m || l.MAC.StandIn() == m) && l.State == Bound }) {
			return true
		}
	}
	return false
}

// Decline gives up a claimed address for what was heard, marks what strangers
// have, and claims a spare that stayed silent. Proved is false when the new
// address has not been asked yet.
func (t *Table) Decline(w World, c Claim, g Grant, heard []Heard) (next Grant, proved bool, err error) {
	if err := t.holds(g); err != nil {
		return Grant{}, false, err
	}
	if !g.Movable() {
		return Grant{}, false, &ConflictError{Addr: g.Lease.Addr, By: by(heard, g.Lease.Addr), Reason: "is in use on the wire"}
	}
	a := acquisition{t: t, w: &w, claim: c, want: g.Want}
	a.want.Avoid = slices.Clone(g.Want.Avoid)
	a.servers()
	silent := map[netip.Addr]bool{}
	t.drop(g.Lease.Key)
	marks := t.marked(g.Lease.Segment, g.Want.Avoid)
	for _, h := range heard {
		silent[h.Addr] = h.Silent
		if h.Taken && t.mark(&w, g.Lease.Segment, h, marks < startMarks) {
			marks++
		}
		a.want.Avoid = append(a.want.Avoid, h.Addr)
	}
	if next, ok := a.spare(g, silent); ok {
		return next, true, cmp.Or(a.alive, a.unseen)
	}
	next, err = a.fresh()
	return next, false, cmp.Or(err, a.alive, a.unseen)
}

// spare claims the first of the grant's spares that stayed silent and is
// still nobody's.
func (a *acquisition) spare(g Grant, silent map[netip.Addr]bool) (Grant, bool) {
	for _, addr := range g.Spares {
		if !silent[addr] {
			continue
		}
		p := a.poolOf(addr)
		if c := a.t.rank(a.w, p, g.Lease.Segment, a.want.Owner, pve.Owner{}, addr); c.tier >= expired {
			continue
		}
		return a.take(p, addr, Fresh, FromPool, fmt.Sprintf("spare of %s, which is in use", g.Lease.Addr)), true
	}
	return Grant{}, false
}

// mark records that a stranger uses an address, and reports whether that is a
// new mark, which mayAdd allows. A guest that sits on its own address is no
// stranger: its lease is alive, whatever the ledger thought.
func (t *Table) mark(w *World, seg pve.Segment, h Heard, mayAdd bool) (marked bool) {
	k, by := Key{seg, h.Addr}, h.By
	for _, l := range t.byAddr[k.Addr] {
		if !l.Segment.Overlaps(k.Segment) || !l.Living() {
			continue
		}
		if l.State == Released && slices.Contains(by, l.MAC) {
			t.awaken(l, w.Now)
		}
		return false
	}
	if l, ok := t.resident(w, k, by); ok {
		t.put(l)
		return false
	}
	m := Lease{Key: k, State: Conflicted, Since: w.Now}
	m.MAC, m.Port = h.speaker(w.Node)
	again := t.marked(seg, []netip.Addr{h.Addr}) > 0
	if again || mayAdd {
		t.addMark(w, m)
	}
	return mayAdd && !again
}

// resident is the lease of a guest that answers for the very address that its
// config names: it came up without the ledger being told, and somebody was
// given the address as that of a stopped guest. When in doubt it stays bound.
func (t *Table) resident(w *World, k Key, by []pve.MAC) (l Lease, ok bool) {
	for _, u := range w.Inventory.Uses[k.Addr] {
		g := w.Inventory.Guests[u.Owner.VMID]
		if u.Where != Running || u.Owner.Kind != pve.Container || !g.Hooked || g.Template || !u.Segment.Overlaps(k.Segment) || t.leasedOn(k, u.Owner) {
			continue
		}
		for _, m := range by {
			if slices.Contains(g.MACs, m) {
				at := w.Now.Truncate(time.Second)
				return Lease{Key: k, Owner: u.Owner, MAC: m, Since: at, Claim: Claim{Node: g.Node, At: at}}, true
			}
		}
	}
	return Lease{}, false
}

// leasedOn reports whether an owner has a lease on the network already.
func (t *Table) leasedOn(k Key, o pve.Owner) bool {
	return slices.ContainsFunc(t.byOwner[o], func(l *Lease) bool {
		return l.Segment.Overlaps(k.Segment) && pve.FamilyOf(l.Addr) == pve.FamilyOf(k.Addr)
	})
}

func by(heard []Heard, a netip.Addr) []pve.MAC {
	for _, h := range heard {
		if h.Addr == a {
			return h.By
		}
	}
	return nil
}

// holds checks that the grant's claim is still in the ledger.
func (t *Table) holds(g Grant) error {
	for _, l := range t.At(g.Lease.Key) {
		switch {
		case l.Owner == g.Lease.Owner && l.Claim.ID == g.Lease.Claim.ID && (l.State == Bound || l.State == g.Lease.State):
			return nil
		case l.Living() && l.Owner != g.Lease.Owner:
			return &LostError{Addr: l.Addr, Reason: l.describe() + " meanwhile"}
		}
	}
	return &LostError{Addr: g.Lease.Addr, Reason: "was taken back in the ledger meanwhile"}
}

// Withdraw ends what could not be proved: an offer, or the claim on an address
// that another config names too or that another had. By the next start either
// would be a lease, and whoever had it would find it taken.
func (t *Table) Withdraw(g Grant) {
	if g.Lease.State != Offered && !g.Withdrawn() || t.holds(g) != nil {
		return
	}
	t.drop(g.Lease.Key)
	for _, l := range g.Prior {
		t.put(l)
	}
}

// Confirm is the last look before a guest's config is written: the table,
// read anew, must still hold every claim, and no config that was written
// since may name a newly leased address.
func (t *Table) Confirm(w World, grants []Grant) error {
	w.Explain = true
	for _, g := range grants {
		if err := t.holds(g); err != nil {
			return err
		}
		if g.Present() {
			continue // it was the owner's before; others that name it were warned of
		}
		c := t.rank(&w, g.Pool, g.Lease.Segment, g.Want.Owner, g.PreviousOwner, g.Lease.Addr)
		if c.tier == taken {
			return &LostError{Addr: g.Lease.Addr, Reason: c.why + " meanwhile"}
		}
	}
	return nil
}

// Unproved marks a lease whose guest starts although the wire could not tell.
func (t *Table) Unproved(g Grant) error {
	if err := t.holds(g); err != nil {
		return err
	}
	for _, l := range t.byOwner[g.Lease.Owner] {
		if l.Key == g.Lease.Key && !l.Unproven {
			l.Unproven, l.Gen, t.changed = true, t.Generation+1, true
		}
	}
	return nil
}
