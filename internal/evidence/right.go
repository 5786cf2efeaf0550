package evidence

import (
	"cmp"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// right is a guest's claim to an address, the strongest first: a lease, a
// reservation, a config.
type right struct {
	owner   pve.Owner
	segment pve.Segment  // zero: any
	lease   *lease.Lease // of the ledger; nil: none
	verb    string       // leased to, kept for, reserved for, named by the config of
}

// rights lists who may have the address, one entry a guest and segment.
func (d *AddressFacts) rights() []right {
	var all []right
	add := func(r right) {
		same := func(o right) bool { return o.owner.VMID == r.owner.VMID && r.overlaps(o.segment) }
		if g, ok := d.guest(r.owner.VMID); ok {
			r.owner.Kind = g.Kind // a reservation doesn't know it
		}
		if !r.owner.IsZero() && !slices.ContainsFunc(all, same) {
			all = append(all, r)
		}
	}
	for i := range d.Leases {
		l := &d.Leases[i]
		if l.Living() && (l.State != lease.Offered || d.Now.Before(l.Until)) {
			add(right{l.Owner, l.Segment, l, leaseVerb(l.State)})
		}
	}
	for _, r := range d.Reserved {
		add(right{owner: r.Owner, verb: "reserved for"})
	}
	for _, u := range d.Uses {
		if d.living(u) {
			add(right{owner: u.Owner, segment: d.network(u.Segment), verb: "named by the config of"})
		}
	}
	return all
}

func leaseVerb(s lease.State) string {
	switch s {
	case lease.Released:
		return "kept for"
	case lease.Offered:
		return "offered to"
	}
	return "leased to"
}

// overlaps reports whether the right holds on a segment.
func (r right) overlaps(s pve.Segment) bool {
	return r.segment.Bridgeless() || s.Bridgeless() || r.segment.Overlaps(s)
}

// rival is one of the other living configs that name the address on a segment
// that overlaps this one's.
func (d *AddressFacts) rival(r right, all []right) (right, bool) {
	for _, o := range all {
		if o.owner.VMID != r.owner.VMID && o.overlaps(r.segment) && d.named(o.owner) {
			return o, true
		}
	}
	return right{}, false
}

// named reports whether the guest's living config names the address.
func (d *AddressFacts) named(o pve.Owner) bool {
	return slices.ContainsFunc(d.Uses, func(u lease.Use) bool { return u.Owner.VMID == o.VMID && d.living(u) })
}

// says is what the right is called in a sentence: "leased to CT 101 (web) on pve1".
func (r right) says(d *AddressFacts) string { return r.verb + " " + d.guestName(r.owner) }

// stranger is the ledger's record of somebody who was seen with the address.
func (d *AddressFacts) stranger() (lease.Lease, bool) {
	i := slices.IndexFunc(d.Leases, func(l lease.Lease) bool { return l.State == lease.Conflicted })
	if i < 0 {
		return lease.Lease{}, false
	}
	return d.Leases[i], true
}

// inRange reports whether a pool may lease the address out.
func (d *AddressFacts) inRange() bool { return d.Pool != nil && d.Pool.Contains(d.Addr) }

// leasedBy is the pool that may lease the address out on a segment; nil: none.
func (d *AddressFacts) leasedBy(s pve.Segment) *lease.Pool {
	if p := d.Pools.Of(lease.Key{Segment: s, Addr: d.Addr}); p != nil && p.Contains(d.Addr) {
		return p
	}
	return nil
}

// byAge orders what was seen lately first.
func byAge(a, b Neighbour) int { return cmp.Compare(a.Seen, b.Seen) }
