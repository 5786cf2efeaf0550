package evidence

import (
	"cmp"
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// Claim is a part of a network that a new pool should not have.
type Claim struct {
	pve.Range
	Why string // one clause
	// Ours is set where no pool gives the address to somebody else, whatever
	// its ranges: guests' configs name it, or it is a node's or a gateway's.
	Ours bool
}

// Claims gathers who claims addresses of a network: what was heard on it, and
// everything that this node knows. It is sorted by address.
func (e *Snapshot) Claims(network pve.Range, heard []ProbeResult) []Claim {
	c := claims{network: network}
	for _, h := range heard {
		for _, v := range h.Voices {
			if !v.Proxy {
				c.one(h.Addr, false, "it answers")
			}
		}
	}
	for _, n := range e.Kernel.Neighbours {
		c.one(n.Addr, false, "the kernel knows "+n.MAC.String()+" there")
	}
	c.own(e)
	c.dhcp(e)
	slices.SortFunc(c.all, func(a, b Claim) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Why, b.Why)) })
	return c.all
}

type claims struct {
	network pve.Range
	all     []Claim
}

func (c *claims) add(r pve.Range, ours bool, why string) {
	if r.Overlaps(c.network) {
		c.all = append(c.all, Claim{r, why, ours})
	}
}

func (c *claims) one(a netip.Addr, ours bool, why string) {
	c.add(pve.Range{First: a, Last: a}, ours, why)
}

// own adds what configuration, guests and the ledger say.
func (c *claims) own(e *Snapshot) {
	for a, uses := range e.Inventory.Uses {
		c.one(a, true, "the config of "+uses[0].Owner.Guest()+" names it")
	}
	for a, why := range e.Inventory.Never {
		c.one(a, true, why)
	}
	for a, why := range e.Named {
		c.one(a, true, why)
	}
	for _, r := range e.Reservations {
		c.one(r.Addr, true, "it is reserved")
	}
	for _, p := range e.Pools {
		for _, r := range p.Ranges {
			c.add(r, false, "it is pool "+p.Name+"'s")
		}
		c.one(p.Gateway.Addr, true, "it is the gateway of pool "+p.Name)
	}
	for l := range e.Table.All() {
		c.one(l.Addr, true, "the ledger has it")
	}
	for _, i := range e.IPAM {
		c.one(i.Addr, false, "Proxmox's IPAM has given it away")
	}
}

// dhcp adds what the files of this host's DHCP servers say.
func (c *claims) dhcp(e *Snapshot) {
	for _, f := range e.DHCP.Files {
		server := string(f.Format.Server())
		for _, r := range f.Ranges {
			c.add(r, false, server+" gives it out ("+f.Path+")")
		}
		for _, r := range f.Reservations {
			c.one(r.Addr, false, server+" reserves it ("+f.Path+")")
		}
		for _, l := range f.Leases {
			if l.Active(e.Now) {
				c.one(l.Addr, false, server+" has leased it ("+f.Path+")")
			}
		}
	}
}

// Strangers are the parts of some ranges that others than guests and nodes
// claim, so that a pool with these ranges must leave them out.
func Strangers(ranges []pve.Range, claims []Claim) []Claim {
	var all []Claim
	for _, c := range claims {
		mine := slices.ContainsFunc(claims, func(o Claim) bool { return o.Ours && o.Contains(c.First) && c.First == c.Last })
		if c.Ours || mine {
			continue
		}
		for _, r := range ranges {
			if !r.Overlaps(c.Range) {
				continue
			}
			part := c
			part.First = later(c.First, r.First)
			if c.Last.Compare(r.Last) > 0 {
				part.Last = r.Last
			}
			if !slices.ContainsFunc(all, func(o Claim) bool { return o.Range == part.Range }) {
				all = append(all, part)
			}
		}
	}
	return all
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}
