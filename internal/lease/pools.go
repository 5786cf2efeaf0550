package lease

import (
	"cmp"

	"pve-iplease/internal/pve"
)

// Pools are those of a configuration. Their order is the one in which pools
// that serve the same interface are asked for a free address, and decides
// nothing else.
type Pools []Pool

// Of is the pool that an address belongs to: of those on the key's segment the
// one whose range has it, and if none has, the one whose subnet does. Without a
// bridge in the key every segment counts. Nil: it is in no pool's network.
func (ps Pools) Of(k Key) (found *Pool) {
	for i := range ps {
		found = found.or(&ps[i], k)
	}
	return found
}

// Serving lists the pools that netN of a guest on a node has its addresses of
// a family from, in the order in which they are asked for a free one.
func (ps Pools) Serving(node, bridge string, tag uint16, n int, f pve.Family) (all []*Pool) {
	for i := range ps {
		if p := &ps[i]; p.Family() == f && p.NICs.Has(n) && p.Serves(node, bridge, tag) {
			all = append(all, p)
		}
	}
	return all
}

// among is the one of some pools that an address belongs to.
func among(some []*Pool, k Key) (found *Pool) {
	for _, p := range some {
		found = found.or(p, k)
	}
	return found
}

// belonging is how much an address is a pool's.
type belonging uint8

const (
	foreign  belonging = iota // in another network
	around                    // in the subnet
	withheld                  // in a range, and excluded
	leasable                  // the pool may lease it
)

func (p *Pool) belonging(k Key) belonging {
	switch {
	case !p.Subnet.Contains(k.Addr) && !p.ranges(k.Addr), !k.Segment.Bridgeless() && !p.Segment().Overlaps(k.Segment):
		return foreign
	case p.Contains(k.Addr):
		return leasable
	case p.ranges(k.Addr):
		return withheld
	}
	return around
}

// or is the one of two pools that an address belongs to, if any. Between pools
// of one standing the segment decides that is the key's exactly, then the
// smaller subnet; the name makes that the answer is always the same.
func (p *Pool) or(o *Pool, k Key) *Pool {
	its := o.belonging(k)
	switch {
	case its == foreign:
		return p
	case p == nil:
		return o
	}
	order := cmp.Or(
		cmp.Compare(its, p.belonging(k)),
		cmp.Compare(o.exactly(k), p.exactly(k)),
		cmp.Compare(o.Subnet.Bits(), p.Subnet.Bits()),
		cmp.Compare(p.Name, o.Name),
	)
	if order > 0 {
		return o
	}
	return p
}

// exactly is 1 if the pool's segment is the key's to the last node.
func (p *Pool) exactly(k Key) int {
	if p.Segment() == k.Segment {
		return 1
	}
	return 0
}
