package lease

import (
	"fmt"

	"pve-iplease/internal/pve"
)

// Move gives an address to a stopped guest, which gets it at its next start.
// Whoever had it must be stopped too, and must be one that asks before it
// starts again; of one on this node an *UnaskedError asks whether it runs.
// want.Current is what the new owner's config says now.
func (t *Table) Move(w World, c Claim, k Key, want Want) error {
	refuse := func(format string, args ...any) error {
		return &ConflictError{Addr: k.Addr, Reason: fmt.Sprintf(format, args...)}
	}
	want.Family = pve.FamilyOf(k.Addr)
	a := acquisition{t: t, w: &w, claim: c, want: want}
	a.servers()
	p := a.poolOf(k.Addr)
	if p == nil {
		return refuse("is in no pool's subnet that serves net%d of %s", want.Owner.NIC, want.Owner.Guest())
	}
	if why := w.barred(p, want.Owner, k.Addr); why != "" {
		return refuse("%s", why)
	}
	for _, l := range t.At(k) {
		switch {
		case l.Owner == want.Owner:
			return refuse("is leased to %s already", want.Owner.Guest())
		case l.State == Bound && !w.gone(&l):
			return refuse("%s: stop that guest first", l.describe())
		case l.Living() && l.Origin == Static:
			return refuse("is static in the config of %s: change that first", l.Owner.Guest())
		}
	}
	for _, u := range w.others(k, want.Owner) {
		if !a.yields(u) {
			return refuse("%s: change that first", u.describe(&w.Inventory))
		}
	}
	if a.askWhoRuns(k); a.alive != nil {
		return a.alive
	}
	_, contested := t.contest(&w, k, want.Owner)
	for _, l := range t.Of(want.Owner) {
		if l.Segment.Overlaps(k.Segment) && pve.FamilyOf(l.Addr) == want.Family {
			t.drop(l.Key)
		}
	}
	t.put(Lease{
		Key: k, Owner: want.Owner, State: Released, Claim: c, Since: c.At, MAC: want.MAC, Was: a.previous(k.Addr),
		Contested: contested,
	})
	return nil
}

// moved reports whether Move made the lease and its owner has not started
// since: it is released since the moment of its claim.
func (l *Lease) moved() bool { return l.State == Released && !l.Freed && l.Since.Equal(l.Claim.At) }
