package evidence

import (
	"net/netip"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Inquiries says which networks of this node to ask for which addresses.
func (e *Snapshot) Inquiries(addrs []netip.Addr) []Inquiry {
	var all []Inquiry
	for _, a := range addrs {
		for _, s := range e.segments(a) {
			all = inquire(all, e.Pools, e.Node, s, a)
		}
	}
	return all
}

// PoolInquiries are those that the pools alone tell, before anything is
// gathered.
func PoolInquiries(pools lease.Pools, node string, a netip.Addr) []Inquiry {
	var all []Inquiry
	for _, s := range poolSegments(pools, node, a) {
		all = inquire(all, pools, node, s, a)
	}
	return all
}

// inquire adds an address to the inquiry of its segment.
func inquire(all []Inquiry, pools lease.Pools, node string, s pve.Segment, a netip.Addr) []Inquiry {
	for i := range all {
		if all[i].Segment == s {
			all[i].Addrs = append(all[i].Addrs, a)
			return all
		}
	}
	q := Inquiry{Segment: s, Addrs: []netip.Addr{a}}
	if p := pools.Of(lease.Key{Segment: pve.NewSegment(s.Bridge, s.Tag, node), Addr: a}); p != nil {
		q.Subnet, q.Gateway = p.Subnet, p.Gateway.Addr
	}
	return append(all, q)
}

// segments lists the networks of this node in which an address may be: of
// pools and leases, of configs that name it, and, when nothing is known of it,
// of the bridges where the kernel has neighbours beside it.
func (e *Snapshot) segments(a netip.Addr) []pve.Segment {
	var found []pve.Segment
	add := func(s pve.Segment) {
		s.Nodes = ""
		if s.Bridge != "" && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for _, s := range poolSegments(e.Pools, e.Node, a) {
		add(s)
	}
	if e.Table != nil {
		for _, l := range e.Table.Everywhere(a) {
			if l.Segment.On(e.Node) {
				add(l.Segment)
			}
		}
	}
	for _, u := range e.Inventory.Uses[a] {
		if u.Segment.On(e.Node) {
			add(u.Segment)
		}
	}
	for _, n := range e.Kernel.Neighbours {
		if n.Addr == a && slices.Contains(e.Kernel.Bridges, n.Device) {
			add(pve.NewSegment(n.Device, 0))
		}
	}
	if len(found) == 0 {
		for _, b := range e.Kernel.Bridges {
			add(pve.NewSegment(b, 0))
		}
	}
	return found
}

// poolSegments are the networks of this node whose pools' subnets hold an
// address: all that can be known before anything is gathered.
func poolSegments(pools lease.Pools, node string, a netip.Addr) []pve.Segment {
	var found []pve.Segment
	for _, p := range pools {
		s := pve.NewSegment(p.Bridge, p.VLAN)
		here := pve.NewSegment(p.Bridge, p.VLAN, node)
		if !slices.Contains(found, s) && pools.Of(lease.Key{Segment: here, Addr: a}) != nil {
			found = append(found, s)
		}
	}
	return found
}
