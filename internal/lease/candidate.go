package lease

import (
	"fmt"
	"net/netip"
	"time"

	"pve-iplease/internal/pve"
)

// A tier ranks what may be leased; lower is better. Within a tier the pool's
// strategy orders, or the time since somebody had the address.
type tier uint8

const (
	unused      tier = iota // nobody had it as far as the ledger goes back
	snapshotted             // only a snapshot names it: a rollback would bring it back
	orphaned                // its guest is gone, or never came
	expired                 // its guest is stopped and the hold is over
	quiet                   // a stranger had it, more than an hour ago
	suspect                 // a stranger had it within the hour
	taken                   // never
)

// describe says why an address of the tier is not the first choice.
func (t tier) describe() string {
	switch t {
	case snapshotted:
		return "is named by a snapshot"
	case orphaned:
		return "belonged to a guest that is gone"
	case expired:
		return "was leased to a guest that is stopped"
	case quiet:
		return "was in use by a stranger before"
	case suspect:
		return "was in use by a stranger within the hour"
	}
	return "is free"
}

// askAgain is how long an address is avoided after a stranger was seen on it.
const askAgain = time.Hour

// goneAfter is how long a guest must have been missing from every node
// before its lease may be given away.
const goneAfter = 24 * time.Hour

// age is the time since a stamp; a stamp from the future counts as now.
func age(now, stamp time.Time) time.Duration { return max(0, now.Sub(stamp)) }

// candidate is one address with its rank.
type candidate struct {
	addr netip.Addr
	tier tier
	gen  uint64    // when somebody last had it, in ledger generations
	from pve.Owner // of tier expired: the stopped guest that had it
	why  string    // of tier taken: by whom
}

// rank judges whether owner may be given the address. The config of from, the
// stopped guest that it was taken from already, may still name it.
func (t *Table) rank(w *World, p *Pool, seg pve.Segment, owner, from pve.Owner, a netip.Addr) candidate {
	c := candidate{addr: a, from: from}
	if why := w.barred(p, owner, a); why != "" {
		return candidate{addr: a, tier: taken, why: why}
	}
	if why, ok := w.Named[a]; ok {
		return candidate{addr: a, tier: taken, why: "is named by " + why}
	}
	for _, l := range t.byAddr[a] {
		if l.Owner == owner || !l.Segment.Overlaps(seg) {
			continue
		}
		tr := w.held(l)
		if tr == taken {
			return candidate{addr: a, tier: taken, why: w.explained(l.describe)}
		}
		if w.Alive[l.Owner.VMID] && l.State == Released {
			return candidate{addr: a, tier: taken, why: w.explained(l.runs)}
		}
		c.tier, c.gen = max(c.tier, tr), max(c.gen, l.Gen)
		if tr == expired {
			c.from = l.Owner
		}
	}
	for _, u := range w.Inventory.Uses[a] {
		switch {
		case u.Owner == owner, !u.Segment.Bridgeless() && !u.Segment.Overlaps(seg), w.Inventory.Guests[u.Owner.VMID].Template:
		case u.Where == Snapshot:
			c.tier = max(c.tier, snapshotted)
		case u.Owner == c.from && w.asks(u):
			// Invariant 1's exception: it will be told at its next start.
		default:
			return candidate{addr: a, tier: taken, why: w.explained(func() string { return u.describe(&w.Inventory) })}
		}
	}
	for _, u := range w.Inventory.Given[a] {
		if !u.of(owner) {
			return candidate{addr: a, tier: taken, why: w.explained(func() string { return u.describe(&w.Inventory) })}
		}
	}
	return c
}

// barred names the reason for which an address is never this owner's, whoever
// holds it; empty if there is none.
func (w *World) barred(p *Pool, owner pve.Owner, a netip.Addr) string {
	if why, ok := w.Inventory.Never[a]; ok {
		return "is " + why
	}
	for _, r := range w.Reservations {
		if r.Addr == a && !r.Pins(owner) {
			return r.describe()
		}
	}
	if p == nil {
		return ""
	}
	if p.Gateway.Addr == a {
		return "is the gateway of pool " + p.Name
	}
	if !p.Subnet.Contains(a) || p.Subnet.Bits() >= a.BitLen()-1 {
		return ""
	}
	if a.Is6() {
		return p.anycast(a)
	}
	if a == p.Subnet.Masked().Addr() {
		return "is the network address of " + p.Subnet.String()
	}
	if !p.Subnet.Contains(a.Next()) {
		return "is the broadcast address of " + p.Subnet.String()
	}
	return ""
}

func (r Reservation) describe() string {
	if r.Owner.IsZero() {
		return "is reserved"
	}
	return "is reserved for " + r.Owner.Guest()
}

// held judges another owner's record, or a stranger's mark.
func (w *World) held(l *Lease) tier {
	switch {
	case l.State == Conflicted && age(w.Now, l.Since) < askAgain:
		return suspect
	case l.State == Conflicted:
		return quiet
	case l.State == Offered && !w.Now.Before(l.Until), w.gone(l):
		return orphaned
	case l.State == Released && l.Origin == FromPool && w.holdOver(l):
		return expired
	}
	return taken
}

// describe says who holds the record, and since when.
func (l *Lease) describe() string {
	switch {
	case l.Claim.Foreseen:
		return fmt.Sprintf("goes to %s at its next start", l.Owner.Place())
	case l.State == Conflicted:
		return fmt.Sprintf("was seen in use by %s at %s", l.MAC, stamp(l.Since))
	case l.State == Offered:
		return fmt.Sprintf("is offered to %s until %s", l.Owner.Place(), stamp(l.Until))
	case l.State == Released:
		return fmt.Sprintf("is kept for %s, stopped since %s", l.Owner.Place(), stamp(l.Since))
	}
	return fmt.Sprintf("is leased to %s since %s", l.Owner.Place(), stamp(l.Since))
}

// explained builds a reason only where somebody will read it: in a full pool
// there are thousands.
func (w *World) explained(why func() string) string {
	if !w.Explain {
		return ""
	}
	return why()
}

// gone reports whether the lease's guest has been missing from every node
// long enough, and is missing now.
func (w *World) gone(l *Lease) bool {
	_, exists := w.Inventory.Guests[l.Owner.VMID]
	return !exists && w.Inventory.Complete && !l.Missing.IsZero() && age(w.Now, l.Missing) >= goneAfter
}

// holdOver reports whether a stopped guest's address may be given away.
func (w *World) holdOver(l *Lease) bool {
	if l.Freed {
		return true
	}
	p := w.Pools.Of(l.Key)
	return p != nil && p.Hold != Forever && age(w.Now, l.Since) >= p.Hold
}

// describe says whose config names the address, or to whom it is given.
func (u Use) describe(inv *Inventory) string {
	whose := u.Owner.Guest()
	if g := inv.Guests[u.Owner.VMID]; g.Node != "" {
		whose += " on " + g.Node
	}
	switch {
	case u.Where == Router:
		return "is a gateway of Proxmox's SDN"
	case u.Where == SDN && u.Owner.IsZero():
		return "is given away by Proxmox's SDN"
	case u.Where == SDN:
		return "is given to " + whose + " by Proxmox's SDN"
	case u.Where == Pending:
		whose += " (pending)"
	}
	return "is named by the config of " + whose
}

// stamp prints a time for people.
func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
