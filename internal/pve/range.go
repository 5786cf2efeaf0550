package pve

import (
	"encoding/binary"
	"math"
	"net/netip"
)

// Range is an inclusive span of addresses of one family.
type Range struct{ First, Last netip.Addr }

// Contains reports whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Overlaps reports whether the ranges share an address.
func (r Range) Overlaps(o Range) bool {
	return r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0
}

// Without is what a range has left beside another one.
func (r Range) Without(o Range) []Range {
	if !r.Overlaps(o) {
		return []Range{r}
	}
	var left []Range
	if r.First.Less(o.First) {
		left = append(left, Range{r.First, o.First.Prev()})
	}
	if o.Last.Less(r.Last) {
		left = append(left, Range{o.Last.Next(), r.Last})
	}
	return left
}

func (r Range) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// Size is the number of addresses in a range; ranges of 2⁶⁴ addresses and
// more count as one less than that.
func (r Range) Size() uint64 {
	first, last := r.First.As16(), r.Last.As16()
	high := binary.BigEndian.Uint64(last[:8]) - binary.BigEndian.Uint64(first[:8])
	low := binary.BigEndian.Uint64(last[8:]) - binary.BigEndian.Uint64(first[8:])
	if high > 1 || (high == 1 && low >= binary.BigEndian.Uint64(first[8:])) || low == math.MaxUint64 {
		return math.MaxUint64
	}
	return low + 1
}

// At returns the i-th address of a range, counted from 0.
func (r Range) At(i uint64) netip.Addr {
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
