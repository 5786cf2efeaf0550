package lease

import "time"

// NoteMissing keeps book of guests that are on no node. The first sight is
// only noted; a guest may be on its way from one node to another.
func (t *Table) NoteMissing(w World) {
	if !w.Inventory.Complete {
		return
	}
	for _, l := range t.all {
		_, exists := w.Inventory.Guests[l.Owner.VMID]
		switch {
		case l.Owner.IsZero() || l.State == Offered:
		case exists && !l.Missing.IsZero():
			l.Missing, t.changed = time.Time{}, true
		case !exists && l.Missing.IsZero():
			l.Missing, t.changed = w.Now.Truncate(time.Second), true
		}
	}
}

// Gone lists the leases that nobody will come back for: their guest has been
// on no node for a day, or never came within the time of its offer.
func (t *Table) Gone(w World) []Lease {
	var gone []Lease
	for l := range t.All() {
		if w.forsaken(&l) {
			gone = append(gone, l)
		}
	}
	return gone
}

func (w *World) forsaken(l *Lease) bool {
	if l.State == Offered {
		_, exists := w.Inventory.Guests[l.Owner.VMID]
		return !exists && w.Inventory.Complete && !w.Now.Before(l.Until)
	}
	return !l.Owner.IsZero() && w.gone(l)
}

// Reclaim ends a lease that Gone listed, unless its record or the world has
// changed since.
func (t *Table) Reclaim(w World, l Lease) bool {
	for _, now := range t.byOwner[l.Owner] {
		if now.Key == l.Key && now.Gen == l.Gen && now.State == l.State && w.forsaken(now) {
			t.drop(l.Key)
			return true
		}
	}
	return false
}
