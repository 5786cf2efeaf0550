package evidence

import (
	"fmt"
	"slices"

	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// The rules for an address that nobody answers for.

// contested: two configs, and whichever starts first has it.
func (c *trial) contested() (Verdict, bool) {
	for _, r := range c.rights {
		if o, found := c.rival(r, c.rights); found {
			return c.verdict(Conflict, c.reconfigureRight(o), "%s is %s, and the config of %s names it too%s",
				c.Addr, r.says(c.AddressFacts), c.guestName(o.owner), c.quiet())
		}
	}
	return no()
}

// silentRight: the one who may have it doesn't answer.
func (c *trial) silentRight() (Verdict, bool) {
	if len(c.rights) == 0 {
		return no()
	}
	r := c.rights[0]
	_, exists := c.guest(r.owner.VMID)
	is := fmt.Sprintf("%s is %s", c.Addr, r.says(c.AddressFacts))
	if v, ok := c.rivalClient(r, is); ok {
		return v, ok
	}
	switch {
	case !exists && c.Inventory.Complete && r.lease != nil && r.lease.State != lease.Offered:
		return c.verdict(Warning, []Step{{What: "free", How: "run 'pve-iplease reclaim': after a day it gives such addresses back"}}, "%s%s", is, c.quiet())
	case r.lease != nil && r.lease.State == lease.Bound && c.doubt == "":
		return c.verdict(Notice, []Step{{What: "look", How: fmt.Sprintf("see on the node whether %s runs, and its address from inside", r.owner.Guest())}},
			"%s, net%d, but nobody answers: it is down, or doesn't use it", is, r.owner.NIC)
	case r.lease != nil && r.lease.State == lease.Released:
		return c.verdict(Fine, nil, "%s, stopped since %s%s", is, Stamp(r.lease.Since), c.quiet())
	}
	return c.verdict(Fine, nil, "%s%s", is, c.quiet())
}

// quiet says that nobody answers, as far as that was asked.
func (c *trial) quiet() string {
	if c.doubt != "" {
		return c.because()
	}
	return "; nobody answers"
}

// rivalClient: a DHCP server has given the address to somebody else, who is
// only silent at the moment.
func (c *trial) rivalClient(r right, is string) (Verdict, bool) {
	for _, cl := range c.Clients {
		h := c.identify(cl.MAC, "")
		if !cl.Active(c.Now) || cl.MAC.IsZero() || h.is(r.owner) || (r.lease != nil && r.lease.MAC == cl.MAC) {
			continue
		}
		return c.verdict(Conflict, c.against(h, r), "%s, but %s has leased it to %s%s%s%s: nobody answers now, and the first to start will have it",
			is, cl.Server, calledOr(cl), c.aka(h), until(cl.Until), c.because())
	}
	return no()
}

// aka names the guest behind a DHCP client.
func (c *trial) aka(h Host) string {
	if h.Owner.IsZero() {
		return ""
	}
	return ", " + c.guestName(h.Owner)
}

// silentStranger: the ledger knows that somebody had it.
func (c *trial) silentStranger() (Verdict, bool) {
	s, ok := c.stranger()
	if !ok {
		return no()
	}
	return c.verdict(Notice, nil, "%s was in use by %s (%s) at %s, which no lease explains%s; the pool asks again before it leases it",
		c.Addr, s.MAC, c.identify(s.MAC, "").who(c.AddressFacts), Stamp(s.Since), c.quiet())
}

// promised: nobody claims it here, but a DHCP server or the SDN does.
func (c *trial) promised() (Verdict, bool) {
	if len(c.Reserved) > 0 {
		return c.verdict(Fine, nil, "%s is reserved, for no guest%s%s", c.Addr, comment(c.Reserved[0].Comment), c.quiet())
	}
	for _, cl := range c.Clients {
		if cl.Active(c.Now) {
			return c.verdict(c.within(), c.giveWay(), "%s is leased by %s to %s%s%s%s",
				c.Addr, cl.Server, calledOr(cl), c.aka(c.identify(cl.MAC, "")), until(cl.Until), c.quiet())
		}
	}
	if len(c.Hosts) > 0 {
		cl := c.Hosts[0]
		return c.verdict(c.within(), c.giveWay(), "%s is reserved by %s for %s%s%s", c.Addr, cl.Server, calledOr(cl), c.aka(c.identify(cl.MAC, "")), c.quiet())
	}
	if len(c.Entries) > 0 {
		e := c.Entries[0]
		return c.verdict(c.within(), c.giveWay(), "%s is given by Proxmox's SDN, zone %s, to %s%s", c.Addr, report.Clean(e.Zone), c.entryOwner(e), c.quiet())
	}
	return no()
}

// within is how bad it is that a pool could lease an address out that
// somebody else manages.
func (c *trial) within() Severity {
	switch {
	case c.inRange() && c.Unread:
		return Notice // it may be leased to that very one
	case c.inRange():
		return Warning
	}
	return Fine
}

// giveWay keeps a pool and who else manages an address of it apart.
func (c *trial) giveWay() []Step {
	if !c.inRange() {
		return nil
	}
	return append(c.excludeSpans(), c.leave(pve.Owner{}))
}

func (e *Snapshot) entryOwner(i inventory.IPAMEntry) string {
	switch g, ok := e.guest(i.VMID); {
	case i.Gateway:
		return "the gateway"
	case ok:
		return e.guestName(pve.Owner{Kind: g.Kind, VMID: i.VMID})
	case i.VMID != 0:
		return "guest " + i.VMID.String() + e.absent()
	case i.Name != "":
		return report.Clean(i.Name)
	case !i.MAC.IsZero():
		return i.MAC.String()
	}
	return "somebody"
}

// unread: whose it is by the ledger can't be told.
func (c *trial) unread() (Verdict, bool) {
	if !c.Unread || c.Fixed != "" || !c.inRange() {
		return no()
	}
	return c.verdict(Notice, nil, "%s: no config names it%s; whether it is leased can't be told, for the ledger can't be read", c.Addr, c.quiet())
}

// remembered: only traces of the past, or of a template or snapshot.
func (c *trial) remembered() (Verdict, bool) {
	if len(c.Neighbours) > 0 {
		n := slices.MinFunc(c.Neighbours, byAge)
		h := c.identify(n.MAC, "")
		return c.verdict(Notice, nil, "%s was used by %s%s %s ago: %s%s", c.Addr, h.card(), h.where(), Age(n.Seen), h.who(c.AddressFacts), c.quiet())
	}
	if len(c.Uses) > 0 && c.Inventory.Blind() == nil {
		u, what := c.Uses[0], "a snapshot"
		if g, _ := c.guest(u.Owner.VMID); g.Template {
			what = "the template"
		}
		return c.verdict(Fine, nil, "%s is free, but %s of %s names it%s", c.Addr, what, c.guestName(u.Owner), c.quiet())
	}
	return no()
}

// unsure: nothing claims it, and the wire can't tell.
func (c *trial) unsure() (Verdict, bool) {
	if u := c.Inventory.Blind(); u != nil {
		return c.verdict(Notice, []Step{{What: "look", How: "put that right, and ask again"}},
			"%s: nothing that could be read names it%s; but %s", c.Addr, c.quiet(), report.Sentence(u.String()))
	}
	if c.doubt == "" {
		return no()
	}
	return c.verdict(Notice, []Step{{What: "look", How: "put that right, or ask again on a node that is on this network"}},
		"%s: nothing names it, but whether somebody uses it can't be told: %s", c.Addr, report.Clean(c.doubt))
}

func (c *trial) free() Verdict {
	v, _ := c.verdict(Fine, nil, "%s is free: nobody answers, and nothing names it", c.Addr)
	if len(c.Spans) > 0 {
		s := c.Spans[0]
		v.Text += fmt.Sprintf("; %s may give it to anybody (%s)", s.Server, s.Range)
		if c.inRange() {
			v.Severity, v.Do = Warning, c.excludeSpans()
		}
	}
	return v
}
