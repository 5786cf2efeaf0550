package lease

import (
	"net/netip"
	"slices"
)

// shareSpares gives the NICs of one guest that lie on one network different
// spares, none of which another of them was granted: two that lose theirs in
// one window then each have one to take.
func (t *Table) shareSpares(w *World, grants []Grant) {
	for i := range grants {
		g := &grants[i]
		mates := slices.ContainsFunc(grants, func(o Grant) bool {
			return o.Want.Owner != g.Want.Owner && o.Want.Family == g.Want.Family && o.Lease.Segment.Overlaps(g.Lease.Segment)
		})
		if !mates || !g.Movable() {
			continue
		}
		a := acquisition{t: t, w: w, want: g.Want}
		a.want.Avoid = slices.Clone(g.Want.Avoid)
		for _, before := range grants[:i] {
			a.want.Avoid = append(a.want.Avoid, before.Spares...)
		}
		a.servers()
		best, _ := a.best(g.Pool, 1+spareCount)
		g.Spares = spares(best, g.Lease.Addr)
	}
}

// spares are the best candidates beside the granted one. What another guest
// may come back to is no spare: it is only taken when nothing else is left.
func spares(best []candidate, granted netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, c := range best {
		if c.addr != granted && c.tier < expired && len(out) < spareCount {
			out = append(out, c.addr)
		}
	}
	return out
}
