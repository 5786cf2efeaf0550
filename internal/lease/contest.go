package lease

import (
	"cmp"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// Contest says why a guest must not start with an address that the wire can't
// tell about: another config names it, somebody else had it before, or was
// heard with it, and nothing has proved since that it is free. Empty: it never
// was anybody else's, or an administrator vouches for it.
func (t *Table) Contest(w World, k Key, owner pve.Owner) string {
	why, _ := t.contest(&w, k, owner)
	return why
}

// contest also tells whether that is to be remembered: what is in the configs
// now is read again at the next start, what was before only the record knows.
func (t *Table) contest(w *World, k Key, owner pve.Owner) (why string, lasting bool) {
	var own Lease
	var past, now string
	for _, l := range t.At(k) {
		switch {
		case l.Owner == owner:
			own = l
			if l.Contested && !slices.Contains(w.Proved, l.Claim.ID) {
				past = cmp.Or(past, "was another's before, or was heard in use, and nothing has proved since that it is free")
			}
		case l.State == Conflicted:
			past = l.describe()
		default:
			past = "was " + l.Owner.Guest() + "'s, which may run without the ledger knowing"
		}
	}
	for _, u := range w.others(k, owner) {
		if !slices.Contains(own.Vouched, u.Owner) {
			now = u.describe(&w.Inventory)
			break
		}
	}
	fresh := own.Owner.IsZero()
	return cmp.Or(now, past), past != "" || fresh && (now != "" || w.Inventory.Blind() != nil)
}

// Heard marks a guest's lease for a voice that claims its address, so that only
// a proof lets the guest start with it. The claim gets another id: what was
// proved before says nothing any more.
func (t *Table) Heard(g Grant, id string) error {
	if err := t.holds(g); err != nil {
		return err
	}
	for _, l := range t.byOwner[g.Lease.Owner] {
		if l.Key == g.Lease.Key {
			l.Contested, l.Vouched, l.Claim.ID, l.Gen = true, nil, id, t.Generation+1
			t.changed = true
		}
	}
	return nil
}

// Vouch is an administrator's word that nobody else has the addresses of a
// stopped guest, whoever had them before and names them now. It stands until
// somebody is heard, or yet another config names one.
func (t *Table) Vouch(w World, kind pve.Kind, id pve.VMID) []Lease {
	var vouched []Lease
	for _, l := range t.guest(kind, id) {
		if l.State == Bound {
			l.State, l.Since = Released, w.Now.Truncate(time.Second)
		}
		l.Contested, l.Vouched, l.Gen = false, []pve.Owner{l.Owner}, t.Generation+1
		for _, u := range w.others(l.Key, l.Owner) {
			if !slices.Contains(l.Vouched, u.Owner) {
				l.Vouched = append(l.Vouched, u.Owner)
			}
		}
		t.changed = true
		vouched = append(vouched, *l)
	}
	return vouched
}
