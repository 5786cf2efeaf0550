package hook_test

import (
	"slices"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// checkLedger holds the newest ledger against those who live.
func (c *cluster) checkLedger() {
	for l := range c.watch.table.All() {
		at := lease.Key{Segment: pve.NewSegment(l.Segment.Bridge, l.Segment.Tag), Addr: l.Addr}
		if l.State == lease.Conflicted && !c.watch.had[sight{at, l.MAC}] {
			c.watch.fail("%s is recorded as a stranger on %s, which it never had", l.MAC, l.Addr)
		}
	}
	for r, a := range c.living() {
		c.checkLease(r, a)
	}
}

// forget excuses those whose leases went with a damaged slot. Their configs
// still name what they have, which keeps others away.
func (c *cluster) forget() {
	for r, a := range c.living() {
		a.lost = a.lost || !a.degraded && !c.owns(r, a)
		a.degraded = a.degraded || a.lost
	}
}

// owns reports whether the ledger has the lease as its guest's.
func (c *cluster) owns(r *guestRun, a *carried) bool {
	for _, l := range c.watch.table.At(a.Key) {
		if l.Owner == r.owner(a) {
			return l.State == lease.Bound
		}
	}
	return false
}

// checkLease checks that a living guest's lease is nobody else's, and still
// its own.
func (c *cluster) checkLease(r *guestRun, a *carried) {
	if !a.vouched || a.degraded || r.stray {
		return
	}
	for _, l := range c.watch.table.At(a.Key) {
		if l.Living() && l.Owner != r.owner(a) {
			c.watch.fail("CT %s lives with %s, and the ledger gives it to %s (%s)", r.id, a.Addr, l.Owner, l.State)
		}
	}
	if !c.owns(r, a) {
		c.watch.fail("CT %s lives with %s, and its lease is lost", r.id, a.Addr)
	}
}

// booted checks a container that just came up.
func (w *watch) booted(c *cluster, r *guestRun) {
	for i := range r.carries {
		a := &r.carries[i]
		w.saw(*a)
		if !a.vouched {
			continue
		}
		c.checkWire(r, a)
		c.checkUnproven(r, a)
		if r.hooked.Before(w.harmed) && !c.owns(r, a) {
			// Damage took its lease when it couldn't answer for itself yet: a clone
			// of it may have been proved meanwhile.
			a.degraded, a.lost = true, true
			continue
		}
		c.checkTwins(r, a)
		if !w.broken {
			c.checkLease(r, a)
		}
	}
}

// checkUnproven checks that nothing in the world told of another guest to whom
// an address may belong that starts unproven.
func (c *cluster) checkUnproven(r *guestRun, a *carried) {
	if !a.unproven {
		return
	}
	for _, id := range c.truth.ids() {
		cf := c.truth.guests[id]
		if id == r.id || cf.at.After(r.hooked) || guest.Parse(pve.Container, []byte(cf.text)).Template() {
			continue
		}
		for _, b := range addressesIn(cf.text) {
			if b.Key == a.Key && !c.vouchesFor(r, a, pve.Owner{VMID: id, NIC: b.nic}) {
				c.watch.fail("CT %s starts unproven with %s, which the config of CT %s names", r.id, a.Addr, id)
			}
		}
	}
	for _, l := range c.watch.table.At(a.Key) {
		if _, proved := r.n.notes["proved"][l.Claim.ID]; l.Owner == r.owner(a) && l.Contested && !proved {
			c.watch.fail("CT %s starts unproven with %s, which was another's", r.id, a.Addr)
		}
	}
}

// vouchesFor reports whether an administrator said that another guest hasn't got
// an address.
func (c *cluster) vouchesFor(r *guestRun, a *carried, other pve.Owner) bool {
	for _, l := range c.watch.table.At(a.Key) {
		if l.Owner == r.owner(a) {
			return slices.Contains(l.Vouched, other)
		}
	}
	return false
}

// checkTwins checks that nobody else lives with an address.
func (c *cluster) checkTwins(r *guestRun, a *carried) {
	for o, b := range c.living() {
		// Damage of both slots takes the lease of whom two configs name; if then
		// the wire is cut too, or it answers nobody, nothing in the world tells of
		// it. Nor does anything on another node tell of who started without the
		// ledger and answers nobody, or whose config was taken from its node, and
		// started, while it lives on there and answers nobody.
		_, untold := o.n.notes["unbound"][noteOf(o.owner(b), b.Addr)]
		self := o.stray && o.id == r.id
		unknown := (b.degraded || o.stray) && c.apart(r, o, a) || o.mute && (b.lost || self || untold && o.n != r.n)
		if o != r && b.vouched && b.Key == a.Key && !unknown {
			c.watch.fail("CT %s on %s and CT %s on %s live with %s", r.id, r.n.name, o.id, o.n.name, a.Addr)
		}
	}
}

// apart reports whether a guest's proof of an address can have missed another
// guest.
func (c *cluster) apart(r, o *guestRun, a *carried) bool {
	bridge := a.Segment.Bridge
	return o.n.cutOff(bridge, r.hooked) || r.n.cutOff(bridge, r.hooked) || o.n.muted(bridge, r.hooked) || !r.n.fooled[bridge].Before(r.hooked)
}

// checkWire checks that nobody had a proved address already when its proof
// began, whoever that was.
func (c *cluster) checkWire(r *guestRun, a *carried) {
	if a.degraded || a.unproven {
		return
	}
	for o, b := range c.living() {
		if o != r && !o.mute && b.Key == a.Key && b.since.Before(r.hooked) && !c.apart(r, o, a) {
			c.watch.fail("CT %s comes up with %s, which CT %s on %s had before", r.id, a.Addr, o.id, o.n.name)
		}
	}
	bridge := a.Segment.Bridge
	deaf := r.n.cutOff(bridge, r.hooked) || !r.n.fooled[bridge].Before(r.hooked)
	if s := c.strangers[a.Key]; s != nil && s.since.Before(r.hooked) && !deaf {
		c.watch.fail("CT %s comes up with %s, which stranger %s had before", r.id, a.Addr, s.mac)
	}
}
