package lease

import (
	"fmt"
	"time"

	"pve-iplease/internal/pve"
)

// UnaskedError asks whether a guest of this node runs, before its released
// lease is given to another: ask, put the answer into World.Alive, and decide
// again. A guest may have started while the ledger could not be written.
type UnaskedError struct{ Guest Guest }

func (e *UnaskedError) Error() string {
	return fmt.Sprintf("whether %s runs was not asked", pve.Owner{Kind: e.Guest.Kind, VMID: e.Guest.VMID}.Guest())
}

// askWhoRuns makes sure that nobody runs with an address that is about to be
// taken from a stopped guest of this node. Of other nodes only the ledger tells.
func (a *acquisition) askWhoRuns(k Key) {
	for _, l := range a.t.At(k) {
		g, exists := a.w.Inventory.Guests[l.Owner.VMID]
		if l.State != Released || l.Owner.VMID == a.want.Owner.VMID || !exists || g.Node != a.w.Node || g.Kind != l.Owner.Kind {
			continue
		}
		switch alive, asked := a.w.Alive[g.VMID]; {
		case !asked:
			a.alive = &UnaskedError{g}
		case alive:
			a.alive = &ConflictError{Addr: k.Addr, Reason: l.runs()}
		}
	}
}

// runs says that a guest runs with its released lease.
func (l *Lease) runs() string {
	return "is " + l.Owner.Guest() + "'s, which runs although its lease is released"
}

// noteAlive binds the leases of guests that run.
func (t *Table) noteAlive(w *World) {
	if len(w.Alive) == 0 {
		return
	}
	for _, l := range t.all {
		if l.State == Released && w.Alive[l.Owner.VMID] {
			t.awaken(l, w.Now)
		}
	}
}

// awaken binds the released lease of a guest that turned out to live.
func (t *Table) awaken(l *Lease, at time.Time) {
	l.State, l.Freed, l.Since, l.Gen, t.changed = Bound, false, at.Truncate(time.Second), t.Generation+1, true
}

// TookUp binds a released lease with which its guest started while the ledger
// could not be written, as a claim made then would have, and makes that start's
// a bound one that another node or boot has claimed: the start's own post-stop
// must know it. claim is the id that the lease had, empty if it could not be read.
// It reports whether it did.
func (t *Table) TookUp(k Key, o pve.Owner, claim string, c Claim) bool {
	for _, l := range t.byOwner[o] {
		if l.Addr != k.Addr || !l.Segment.Overlaps(k.Segment) || !l.precedes(claim, c) {
			continue
		}
		c.ID = l.Claim.ID // what was proved of it is
		l.Claim = c
		t.awaken(l, c.At)
		return true
	}
	return false
}

// precedes reports whether a start without the ledger, which saw a claim, came
// after what the lease now says.
func (l *Lease) precedes(claim string, c Claim) bool {
	here := l.Claim.Node == c.Node && l.Claim.Boot == c.Boot
	switch {
	case claim != "" && l.Claim.ID != claim:
		return false
	case l.State == Bound:
		return claim != "" && !here
	}
	return l.State == Released && !(here && l.Claim.Up > c.Up)
}
