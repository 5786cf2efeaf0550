package evidence

import (
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// Proposal is a range for a new pool, out of a block that nobody claims.
type Proposal struct {
	Range pve.Range
	Block pve.Range
}

// Bounds of what is proposed: a range that an administrator finds natural for
// containers, and the smallest that is worth a pool.
const (
	proposedMost  = 50
	proposedLeast = 4
)

// Propose finds the largest block of a network's addresses that nobody claims,
// and in it a range for a pool: at most 50 addresses and half of the block, so
// that room is left; at its end, where people rarely begin to number; from a
// round number, if there is one. ok is false when there is no room.
func Propose(network pve.Range, claims []Claim) (p Proposal, ok bool) {
	block := largest(unclaimed(network, claims))
	room := span(block)
	if room < proposedLeast {
		return Proposal{}, false
	}
	n := min(proposedMost, max(room/2, proposedLeast))
	r := pve.Range{First: back(block.Last, n-1), Last: block.Last}
	if odd := int(r.First.As4()[3] % 10); !back(r.First, odd).Less(block.First) {
		r = pve.Range{First: back(r.First, odd), Last: back(r.Last, odd)}
	}
	return Proposal{Range: r, Block: block}, true
}

// unclaimed is what a network has left beside what is claimed.
func unclaimed(network pve.Range, claims []Claim) []pve.Range {
	left := []pve.Range{network}
	for _, c := range claims {
		var next []pve.Range
		for _, r := range left {
			next = append(next, r.Without(c.Range)...)
		}
		left = next
	}
	return left
}

// largest is the block with the most addresses, of equals the last.
func largest(blocks []pve.Range) (best pve.Range) {
	slices.SortFunc(blocks, func(a, b pve.Range) int { return a.First.Compare(b.First) })
	for _, b := range blocks {
		if span(b) >= span(best) {
			best = b
		}
	}
	return best
}

// span is how many addresses a range of IPv4 has; the zero value has none.
func span(r pve.Range) int {
	if !r.First.Is4() {
		return 0
	}
	return int(number4(r.Last)) - int(number4(r.First)) + 1
}

func number4(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// back is the address n before a.
func back(a netip.Addr, n int) netip.Addr {
	v := number4(a) - uint32(n)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
