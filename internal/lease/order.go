package lease

import (
	"encoding/binary"
	"hash/fnv"
	"iter"
	"math"
	"net/netip"
)

// size is the number of addresses in a range; ranges of 2⁶⁴ addresses and
// more count as one less than that.
func (r Range) size() uint64 {
	first, last := r.First.As16(), r.Last.As16()
	high := binary.BigEndian.Uint64(last[:8]) - binary.BigEndian.Uint64(first[:8])
	low := binary.BigEndian.Uint64(last[8:]) - binary.BigEndian.Uint64(first[8:])
	if high > 1 || (high == 1 && low >= binary.BigEndian.Uint64(first[8:])) || low == math.MaxUint64 {
		return math.MaxUint64
	}
	return low + 1
}

// at returns the i-th address of a range, counted from 0.
func (r Range) at(i uint64) netip.Addr {
	b := r.First.As16()
	low := binary.BigEndian.Uint64(b[8:])
	binary.BigEndian.PutUint64(b[8:], low+i)
	if low+i < low {
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+1)
	}
	a := netip.AddrFrom16(b)
	if r.First.Is4() {
		return a.Unmap()
	}
	return a
}

// index returns the place of an address in the pool's ranges, put one behind
// the other.
func (p *Pool) index(a netip.Addr) (uint64, bool) {
	var before uint64
	for _, r := range p.Ranges {
		if r.Contains(a) {
			return before + Range{r.First, a}.size() - 1, true
		}
		before += r.size()
	}
	return 0, false
}

// Size is the number of addresses in the pool's ranges, excluded ones
// included.
func (p *Pool) Size() (n uint64) {
	for _, r := range p.Ranges {
		if s := r.size(); n+s < n {
			return math.MaxUint64
		}
		n += r.size()
	}
	return n
}

// nth is the inverse of index.
func (p *Pool) nth(i uint64) netip.Addr {
	for _, r := range p.Ranges {
		if s := r.size(); i >= s {
			i -= s
			continue
		}
		return r.at(i)
	}
	return netip.Addr{}
}

// start is the place in the pool where the strategy begins to look.
func (p *Pool) start(o Owner) uint64 {
	size := p.Size()
	switch p.Strategy {
	case ByVMID:
		// What administrators do by hand: CT 105 gets the subnet's .105.
		if i, ok := p.index(Range{First: p.Subnet.Addr()}.at(uint64(o.VMID) + uint64(o.NIC))); ok {
			return i
		}
		return (uint64(o.VMID) + uint64(o.NIC)) % size
	case Spread:
		h := fnv.New64a()
		h.Write([]byte(o.String()))
		return h.Sum64() % size
	}
	return 0
}

// reason says in which order the first free address was found.
func (s Strategy) reason() string {
	switch s {
	case ByVMID:
		return "first free address from the VMID on"
	case Spread:
		return "first free address from the owner's hash on"
	}
	return "lowest free address"
}

// candidates yields the pool's addresses in the order of its strategy,
// excluded ones left out.
func (p *Pool) candidates(o Owner) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		size := p.Size()
		if size == 0 {
			return
		}
		for i, from := uint64(0), p.start(o); i < size; i++ {
			a := p.nth((from + i) % size)
			if p.Contains(a) && !yield(a) {
				return
			}
		}
	}
}
