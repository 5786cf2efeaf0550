package evidence

import (
	"fmt"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

// The rules for an address that somebody answers for, and for addresses that
// are nobody's to lease.

// proxied: who answers for everybody says nothing of this address.
func (c *trial) proxied() (Verdict, bool) {
	for _, h := range c.hosts {
		if !h.Proxy {
			return no()
		}
	}
	if len(c.hosts) == 0 {
		return no()
	}
	h := c.hosts[0]
	return c.verdict(Warning, []Step{{What: "isolate", How: "turn proxy ARP off on that host: nothing can be proved on this network while it answers for everybody"}},
		"%s%s answers for %s and for addresses that nobody has: a proxy or worse (%s)%s", h.card(), h.where(), c.Addr, h.who(c.AddressFacts), c.alas())
}

// alas adds who should have the address, where the wire can't tell.
func (c *trial) alas() string {
	if len(c.rights) == 0 {
		return ""
	}
	return "; it is " + c.rights[0].says(c.AddressFacts)
}

// ours: a probe can't hear the host that sends it, so any answer is another's.
func (c *trial) ours() (Verdict, bool) {
	if c.Fixed != ownAddress {
		return no()
	}
	for _, h := range c.hosts {
		if h.Device == "" {
			return c.verdict(Conflict, c.against(h, right{}), "%s is an address of this node, but %s answers%s: %s%s",
				c.Addr, h.card(), h.where(), h.who(c.AddressFacts), h.details(c.AddressFacts))
		}
	}
	if len(c.rights) > 0 {
		return c.verdict(Conflict, c.reconfigureRight(c.rights[0]), "%s is an address of this node, and %s", c.Addr, c.rights[0].says(c.AddressFacts))
	}
	return c.verdict(Fine, nil, "%s is an address of this node", c.Addr)
}

// crowded: two hosts with one address, whoever may have it. A guest with two
// interfaces on one network answers on both.
func (c *trial) crowded() (Verdict, bool) {
	for i, a := range c.hosts {
		for _, b := range c.hosts[i+1:] {
			if a.Proxy || b.Proxy || !a.Segment.Overlaps(b.Segment) || a.is(b.Owner) {
				continue
			}
			who := a
			if len(c.rights) > 0 && a.is(c.rights[0].owner) {
				who = b
			}
			var r right
			claim := ""
			if len(c.rights) > 0 {
				r, claim = c.rights[0], c.rights[0].says(c.AddressFacts)+", but "
			}
			return c.verdict(Conflict, c.against(who, r), "%stwo hosts answer: %s%s, %s%s; and %s%s, %s%s", claim,
				a.card(), a.where(), a.who(c.AddressFacts), a.details(c.AddressFacts), b.card(), b.where(), b.who(c.AddressFacts), b.details(c.AddressFacts))
		}
	}
	return no()
}

// infrastructure: gateways, other nodes, what the pools file names.
func (c *trial) infrastructure() (Verdict, bool) {
	switch {
	case c.Fixed == "":
		return no()
	case len(c.rights) > 1 || (len(c.rights) == 1 && len(c.hosts) > 0 && !c.hosts[0].is(c.rights[0].owner)):
		return c.verdict(Conflict, c.reconfigureRight(c.rights[0]), "%s is %s, and %s", c.Addr, c.Fixed, c.rights[0].says(c.AddressFacts))
	case len(c.hosts) > 0:
		return c.verdict(Fine, nil, "%s is %s: %s answers%s, %s", c.Addr, c.Fixed, c.hosts[0].card(), c.hosts[0].where(), c.hosts[0].who(c.AddressFacts))
	case len(c.rights) == 1:
		return c.verdict(Notice, nil, "%s is %s and %s%s", c.Addr, c.Fixed, c.rights[0].says(c.AddressFacts), c.quiet())
	}
	return c.verdict(Notice, nil, "%s is %s%s", c.Addr, c.Fixed, c.quiet())
}

// because says why silence may mean nothing.
func (c *trial) because() string {
	if c.doubt == "" || len(c.Results) == 0 {
		return ""
	}
	return " (the network can't tell: " + report.Clean(c.doubt) + ")"
}

// usurped: somebody has an address that is another's.
func (c *trial) usurped() (Verdict, bool) {
	for _, h := range c.hosts {
		for _, r := range c.rights {
			if h.Proxy || !r.overlaps(h.Segment) {
				continue
			}
			if h.is(r.owner) {
				break // the strongest right of those that are present
			}
			return c.verdict(Conflict, c.against(h, r), "%s, but %s answers%s: %s%s",
				r.says(c.AddressFacts), h.card(), h.where(), h.who(c.AddressFacts), h.details(c.AddressFacts))
		}
	}
	return no()
}

// rightful: who has the address may have it.
func (c *trial) rightful() (Verdict, bool) {
	for _, h := range c.hosts {
		for _, r := range c.rights {
			if !h.is(r.owner) {
				continue
			}
			if o, found := c.rival(r, c.rights); found {
				return c.verdict(Conflict, c.reconfigureRight(o), "%s has it, but %s names it too", c.guestName(r.owner), "the config of "+c.guestName(o.owner))
			}
			return c.confirmed(h, r)
		}
	}
	return no()
}

func (c *trial) confirmed(h Host, r right) (Verdict, bool) {
	used := fmt.Sprintf("%s is used by %s, net%d", c.Addr, c.guestName(r.owner), r.owner.NIC)
	p := c.leasedBy(h.Segment)
	switch {
	case r.lease == nil && p != nil && c.Unread:
		return c.verdict(Notice, nil, "%s, as its config says; whether it is leased can't be told, for the ledger can't be read", used)
	case r.lease == nil && p != nil:
		return c.verdict(Warning, []Step{
			{What: "adopt", How: fmt.Sprintf("attach the hook to %s: at its next start the address becomes its lease", r.owner.Guest())},
			c.leave(r.owner),
		}, "%s, as its config says, but the ledger doesn't know it, and pool %s may lease it out", used, p.Name)
	case r.lease == nil:
		return c.verdict(Fine, nil, "%s, as its config says", used)
	case r.lease.State == lease.Released:
		return c.verdict(Notice, nil, "%s, although its lease is released: it was started without the hook, or is just starting", used)
	case !r.lease.MAC.IsZero() && r.lease.MAC != h.MAC:
		return c.verdict(Notice, nil, "%s, as leased, but with another MAC address than it was leased to: %s, now %s", used, r.lease.MAC, h.card())
	}
	return c.verdict(Fine, nil, "%s, as leased", used)
}

// foreign: somebody has an address that nobody claims.
func (c *trial) foreign() (Verdict, bool) {
	i := slices.IndexFunc(c.hosts, func(h Host) bool { return !h.Proxy })
	if i < 0 {
		return no()
	}
	h := c.hosts[i]
	who := fmt.Sprintf("%s is used by %s%s: %s%s", c.Addr, h.card(), h.where(), h.who(c.AddressFacts), h.details(c.AddressFacts))
	p := c.leasedBy(h.Segment)
	switch s, known := c.stranger(); {
	case slices.ContainsFunc(c.Reserved, func(r lease.Reservation) bool { return r.Owner.IsZero() }):
		return c.verdict(Fine, nil, "%s; it is reserved, for no guest", who)
	case p != nil && c.Unread && !h.Owner.IsZero():
		return c.verdict(Notice, nil, "%s; it is in the range of pool %s, and whether it is leased to it can't be told, for the ledger can't be read", who, p.Name)
	case known && p != nil:
		return c.verdict(Warning, c.against(h, right{}), "%s; pool %s avoids the address since %s", who, p.Name, Stamp(s.Since))
	case p != nil:
		return c.verdict(Warning, c.against(h, right{}), "%s; it is in the range of pool %s, which will avoid it", who, p.Name)
	}
	return c.verdict(Fine, nil, "%s", who)
}
