package config

import (
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// span is a range as somebody wrote it.
type span struct {
	pve.Range
	line int
}

// spans reads a list of ranges; each wrong one is a problem of its own.
func (s *section) spans(p property, f pve.Family) []span {
	var list []span
	all := words(joinDashes(p.value))
	if len(all) == 0 {
		s.fail(p.line, "%s %v", p.key, errNoValue)
	}
	for _, w := range all {
		r, err := parseRange(w, f)
		if err != nil {
			s.fail(p.line, "%s: %v", p.key, elsewhere(p.key, w, f, err))
			continue
		}
		list = append(list, span{r, p.line})
	}
	return list
}

// joinDashes turns "a - b" into "a-b", so that a blank can separate ranges.
func joinDashes(s string) string {
	parts := strings.Split(s, "-")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, "-")
}

// merge sorts ranges and joins those that overlap or touch, which is what the
// allocator counts on.
func merge(spans []span) []pve.Range {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b span) int { return a.First.Compare(b.First) })
	var merged []pve.Range
	for _, s := range sorted {
		n := len(merged)
		if n > 0 && follows(merged[n-1].Last, s.First) {
			if merged[n-1].Last.Less(s.Last) {
				merged[n-1].Last = s.Last
			}
			continue
		}
		merged = append(merged, s.Range)
	}
	return merged
}

// follows reports whether a range that begins at first continues one that ends
// at last.
func follows(last, first netip.Addr) bool {
	next := last.Next()
	return !next.IsValid() || first.Compare(next) <= 0
}

// anyLeft reports whether an address of the ranges lies in none of the holes;
// both are merged.
func anyLeft(ranges, holes []pve.Range) bool {
	for _, r := range ranges {
		at := r.First
		for _, h := range holes {
			if h.Contains(at) {
				at = h.Last.Next()
			}
		}
		if at.IsValid() && r.Contains(at) {
			return true
		}
	}
	return false
}

// common is the first pair of overlapping ranges of two merged lists.
func common(a, b []pve.Range) (x, y pve.Range, found bool) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].Overlaps(b[j]):
			return a[i], b[j], true
		case a[i].Last.Less(b[j].First):
			i++
		default:
			j++
		}
	}
	return pve.Range{}, pve.Range{}, false
}
