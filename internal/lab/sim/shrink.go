package sim

import "slices"

// Case is a run that can be had again: which of its events take place, and in
// which order the actors act.
type Case struct {
	Events []int
	Picks  []Pick
}

// Shrink looks for a smaller case that fails as well: fewer events, then fewer
// decisions. fails runs a case, and returns the decisions that were made.
// No more than budget runs are spent.
func Shrink(c Case, budget int, fails func(Case) ([]Pick, bool)) Case {
	try := func(next Case) bool {
		if budget <= 0 {
			return false
		}
		budget--
		picks, failed := fails(next)
		if failed && len(picks) <= len(c.Picks) {
			next.Picks = picks
		}
		if failed {
			c = next
		}
		return failed
	}
	for again := true; again; {
		again = false
		for i := len(c.Events) - 1; i >= 0; i-- {
			if i < len(c.Events) && try(Case{slices.Delete(slices.Clone(c.Events), i, i+1), c.Picks}) {
				again = true
			}
		}
	}
	for n := len(c.Picks); n > 0; n /= 2 {
		for at := 0; at < len(c.Picks); {
			end := min(at+n, len(c.Picks))
			if !try(Case{c.Events, slices.Delete(slices.Clone(c.Picks), at, end)}) {
				at = end
			}
		}
	}
	return c
}
