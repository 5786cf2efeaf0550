package lease

import (
	"hash/fnv"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strconv"

	"pve-iplease/internal/pve"
)

// index returns the place of an address in the pool's ranges, put one behind
// the other.
func (p *Pool) index(a netip.Addr) (uint64, bool) {
	var before uint64
	for _, r := range p.Ranges {
		if r.Contains(a) {
			return before + pve.Range{First: r.First, Last: a}.Size() - 1, true
		}
		before += r.Size()
	}
	return 0, false
}

// Size is the number of addresses in the pool's ranges, excluded ones
// included.
func (p *Pool) Size() (n uint64) {
	for _, r := range p.Ranges {
		if s := r.Size(); n+s < n {
			return math.MaxUint64
		}
		n += r.Size()
	}
	return n
}

// nth is the inverse of index.
func (p *Pool) nth(i uint64) netip.Addr {
	for _, r := range p.Ranges {
		if s := r.Size(); i >= s {
			i -= s
			continue
		}
		return r.At(i)
	}
	return netip.Addr{}
}

// start is the place in the pool where the strategy begins to look.
func (p *Pool) start(o pve.Owner) uint64 {
	size := p.Size()
	switch p.Strategy {
	case ByVMID:
		id := uint64(o.VMID) + uint64(o.NIC)
		if i, ok := p.index(p.byHand(id)); ok && i < size {
			return i
		}
		return id % size
	case Spread, EUI64:
		h := fnv.New64a()
		h.Write([]byte(o.String()))
		return h.Sum64() % size
	}
	return 0
}

// byHand is the address that administrators give a guest by hand: CT 105 gets
// .105, and ::105 in IPv6, where the decimal digits are written as they are.
func (p *Pool) byHand(id uint64) netip.Addr {
	if p.Family() == pve.IPv6 {
		id, _ = strconv.ParseUint(strconv.FormatUint(id, 10), 16, 64)
	}
	return pve.Range{First: p.Subnet.Masked().Addr()}.At(id)
}

// reason says in which order the first free address was found.
func (s Strategy) reason() string {
	switch s {
	case ByVMID:
		return "first free address from the VMID on"
	case Spread, EUI64:
		return "first free address from the owner's hash on"
	}
	return "lowest free address"
}

// candidates yields the pool's addresses in the order of its strategy,
// excluded and reserved ones left out. What is left out is stepped over in one
// go: an IPv6 network has more addresses than anybody can look at.
func (p *Pool) candidates(o pve.Owner, m pve.MAC) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		size := p.Size()
		if size == 0 {
			return
		}
		own := p.eui64(m)
		if p.Strategy != EUI64 || !p.Contains(own) {
			own = netip.Addr{}
		} else if !yield(own) {
			return
		}
		holes := slices.Concat(p.Excludes, p.Reserved())
		for i, from := uint64(0), p.start(o); i < size; {
			at := from + i
			if at >= size || at < from { // the sum may be more than 64 bits hold
				at -= size
			}
			a := p.nth(at)
			if n := p.hole(holes, a); n > 0 {
				i += min(n, size-i)
				continue
			}
			if i++; a != own && !yield(a) {
				return
			}
		}
	}
}

// hole is how many addresses from a on are left out, as far as the range that
// a is in goes.
func (p *Pool) hole(holes []pve.Range, a netip.Addr) uint64 {
	for _, h := range holes {
		if !h.Contains(a) {
			continue
		}
		for _, r := range p.Ranges {
			if r.Contains(a) {
				last := h.Last
				if r.Last.Less(last) {
					last = r.Last
				}
				return pve.Range{First: a, Last: last}.Size()
			}
		}
	}
	return 0
}
