package hook_test

import (
	"net/netip"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
)

// checkLedger holds the newest ledger against those who live.
func (c *cluster) checkLedger() {
	for l := range c.watch.table.All() {
		if l.State != lease.Conflicted {
			continue
		}
		for _, n := range c.nodes {
			if l.MAC == n.prober {
				c.watch.fail("%s is recorded as a stranger on %s", n.name, l.Addr)
			}
		}
	}
	for _, n := range c.nodes {
		for _, r := range n.inOrder() {
			c.checkLease(r)
		}
	}
}

// forget excuses those whose leases went with a damaged slot. Their configs
// still name what they have, which keeps others away.
func (c *cluster) forget() {
	for _, n := range c.nodes {
		for _, r := range n.inOrder() {
			r.degraded = r.degraded || !c.owns(r)
		}
	}
}

// owns reports whether the ledger has a run's address as its guest's.
func (c *cluster) owns(r *guestRun) bool {
	for _, l := range c.watch.table.At(keyOf(r.addr)) {
		if l.Owner.VMID == r.id {
			return l.State == lease.Bound
		}
	}
	return false
}

func keyOf(a netip.Addr) lease.Key {
	return lease.Key{Segment: lease.NewSegment("vmbr0", 0), Addr: a}
}

// checkLease checks that a living guest's lease is nobody else's, and still
// its own.
func (c *cluster) checkLease(r *guestRun) {
	if !r.vouched || !r.socket || !r.addr.IsValid() {
		return
	}
	for _, l := range c.watch.table.At(keyOf(r.addr)) {
		if l.Living() && l.Owner.VMID != r.id && !r.degraded {
			c.watch.fail("CT %s lives with %s, and the ledger gives it to %s (%s)", r.id, r.addr, l.Owner, l.State)
		}
	}
	if !r.degraded && !c.owns(r) {
		c.watch.fail("CT %s lives with %s, and its lease is lost", r.id, r.addr)
	}
}

// booted checks a container that just came up.
func (w *watch) booted(c *cluster, r *guestRun) {
	if !r.vouched || !r.addr.IsValid() {
		return
	}
	for _, n := range c.nodes {
		for _, o := range n.inOrder() {
			// Damage of both slots takes the lease of whom two configs name;
			// if then the wire is cut too, nothing in the world tells of it.
			unknown := o.degraded && (n.cutOff(r.hooked) || r.n.cutOff(r.hooked))
			if o != r && o.vouched && o.socket && o.addr == r.addr && !unknown {
				w.fail("CT %s on %s and CT %s on %s live with %s", r.id, r.n.name, o.id, n.name, r.addr)
			}
		}
	}
	c.checkWire(r)
	if r.hooked.Before(w.harmed) {
		r.degraded = r.degraded || !c.owns(r)
	}
	if !w.broken {
		c.checkLease(r)
	}
}

// checkWire checks that nobody had a proved address already when its proof
// began, whoever that was.
func (c *cluster) checkWire(r *guestRun) {
	w := &c.watch
	if r.degraded || r.unproven {
		return
	}
	for _, n := range c.nodes {
		for _, o := range n.inOrder() {
			heard := o.mac != r.mac && !n.cutOff(r.hooked) && !r.n.cutOff(r.hooked)
			if o != r && o.socket && o.addr == r.addr && o.since.Before(r.hooked) && heard {
				w.fail("CT %s comes up with %s, which CT %s on %s had before", r.id, r.addr, o.id, n.name)
			}
		}
	}
	if s := c.strangers[r.addr]; s != nil && s.since.Before(r.hooked) && !r.n.cutOff(r.hooked) {
		w.fail("CT %s comes up with %s, which stranger %s had before", r.id, r.addr, s.mac)
	}
}

// addrOf is the address that a config names.
func addrOf(text string) netip.Addr {
	nic, err := guest.Parse(lease.Container, []byte(text)).NIC(0)
	if err != nil || nic.IP != guest.Static {
		return netip.Addr{}
	}
	return nic.Addr.Addr()
}
