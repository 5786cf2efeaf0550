package evidence

import (
	"net/netip"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Mark is how an address stands on a map, the more serious the higher.
type Mark uint8

// The marks. Of a cell that stands for several addresses the highest shows.
const (
	Outside  Mark = iota // in no range of the pool, and nobody's as far as is known
	Free                 // to be leased
	Fixed                // a gateway, a node, infrastructure
	Other                // used by some host, outside of the ranges
	Released             // kept for a stopped guest
	Offered              // promised to a guest that is to come
	Reserved             // pinned to a guest, or kept from everybody
	Static               // written into a guest's config by hand
	Bound                // leased
	Stranger             // used by a host that is no guest, in a range
	Clash                // two want it, and one of them has it or will
)

// Marks are all marks, in the order in which a legend lists them.
func Marks() []Mark {
	return []Mark{Bound, Released, Offered, Reserved, Static, Fixed, Other, Stranger, Clash, Free, Outside}
}

func (m Mark) String() string {
	return [...]string{
		"outside", "free", "infrastructure", "other host", "released", "offered", "reserved", "static", "bound", "stranger", "conflict",
	}[m]
}

// MarshalText writes the mark as its name, for JSON.
func (m Mark) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Cell is an address of a map that something is known of.
type Cell struct {
	Resident
	Mark  Mark   `json:"mark"`
	Owner string `json:"owner,omitempty"` // ct/101/net0, by the ledger
	Node  string `json:"node,omitempty"`  // that claimed the lease
	Since string `json:"since,omitempty"` // RFC 3339
}

// Map is a pool as a picture.
type Map struct {
	Pool  lease.Pool
	Spots []Cell // by address
	at    map[netip.Addr]int
}

// Map marks the addresses of a pool's network. Without probe results it knows of
// strangers what the ledger, the kernel and DHCP servers do.
func (e *Snapshot) Map(p lease.Pool, heard []ProbeResult) Map {
	out := Map{Pool: p, at: map[netip.Addr]int{}}
	by := map[netip.Addr][]ProbeResult{}
	for _, h := range heard {
		if p.Segment().Overlaps(pve.NewSegment(h.Segment.Bridge, h.Segment.Tag, e.Node)) {
			by[h.Addr] = append(by[h.Addr], h)
		}
	}
	for _, a := range e.mentioned(p, by) {
		if s, ok := e.spot(&p, a, by[a]); ok {
			out.at[a] = len(out.Spots)
			out.Spots = append(out.Spots, s)
		}
	}
	return out
}

// Mark tells how an address of the pool's network stands.
func (p Map) Mark(a netip.Addr) Mark {
	if i, ok := p.at[a]; ok {
		return p.Spots[i].Mark
	}
	if p.Pool.Contains(a) {
		return Free
	}
	return Outside
}

// Cell is what is known of an address, if anything.
func (p Map) Cell(a netip.Addr) (Cell, bool) {
	i, ok := p.at[a]
	if !ok {
		return Cell{}, false
	}
	return p.Spots[i], true
}

// mentioned lists the addresses of a pool's network that anything names.
func (e *Snapshot) mentioned(p lease.Pool, heard map[netip.Addr][]ProbeResult) []netip.Addr {
	all := (&audit{Snapshot: e}).addresses()
	for a := range heard {
		all = append(all, a)
	}
	for a := range e.Inventory.Never {
		all = append(all, a)
	}
	for _, f := range e.DHCP.Files {
		for _, l := range f.Leases {
			if l.Active(e.Now) {
				all = append(all, l.Addr)
			}
		}
	}
	for a := range e.Named {
		all = append(all, a)
	}
	all = append(all, p.Gateway.Addr)
	all = slices.DeleteFunc(sorted(all), func(a netip.Addr) bool { return !p.Subnet.Contains(a) && !p.Contains(a) })
	return all
}

// spot looks at one address; one that turns out to be nobody's is no spot.
func (e *Snapshot) spot(p *lease.Pool, a netip.Addr, heard []ProbeResult) (Cell, bool) {
	d := e.About(a, heard, nil)
	if len(heard) == 0 {
		d.Results = (&audit{Snapshot: e}).overheard(a)
	}
	d.Pool = e.Pools.Of(lease.Key{Segment: p.Segment(), Addr: a})
	s := Cell{Mark: d.mark(p)}
	if s.Mark == Free || s.Mark == Outside {
		return s, false
	}
	s.Resident = d.mostTelling(p.Segment())
	for _, l := range d.Leases {
		if l.Segment.Overlaps(p.Segment()) {
			s.take(d, l)
		}
	}
	return s, true
}

// take enters what the ledger says of the address.
func (s *Cell) take(d *AddressFacts, l lease.Lease) {
	s.Node, s.Since = report.Clean(l.Claim.Node), l.Since.Format(timeLayout)
	if l.Living() {
		s.Owner = l.Owner.String()
	}
	if s.MAC == "" && !l.MAC.IsZero() {
		s.MAC, s.Vendor = l.MAC.String(), report.Clean(d.maker(l.MAC))
	}
}

// timeLayout is RFC 3339 in whole seconds.
const timeLayout = "2006-01-02T15:04:05Z07:00"

// mostTelling is the line of the one host that a map has room for: of several
// the first that is no rightful one.
func (d *AddressFacts) mostTelling(s pve.Segment) Resident {
	h := ProbeResult{Segment: s, Addr: d.Addr}
	for _, o := range d.Results {
		h.Voices = append(h.Voices, o.Voices...)
	}
	lines := d.lines(h, s)
	best := lines[0]
	for _, l := range lines[1:] {
		if l.Guest == "" || l.Guest != best.Guest && best.VMID != 0 && d.hasRight(best.VMID) {
			best = l
		}
	}
	if len(h.Voices) == 0 {
		best.Remark = d.hint()
	}
	return best
}

func (d *AddressFacts) hasRight(id pve.VMID) bool {
	return slices.ContainsFunc(d.rights(), func(r right) bool { return r.owner.VMID == id })
}

// mark weighs what is known of the address.
func (d *AddressFacts) mark(p *lease.Pool) Mark {
	if v := Judge(d); v.Severity == Conflict {
		return Clash
	}
	if m, ok := d.leaseMark(p.Segment()); ok {
		return m
	}
	used := slices.ContainsFunc(d.Results, func(h ProbeResult) bool {
		return slices.ContainsFunc(h.Voices, func(v Responder) bool { return !v.Proxy && !v.Asks })
	}) || slices.ContainsFunc(d.Clients, func(c Client) bool { return c.Active(d.Now) })
	switch {
	case d.Fixed != "":
		return Fixed
	case len(d.Reserved) > 0:
		return Reserved
	case slices.ContainsFunc(d.rights(), func(r right) bool { return r.overlaps(p.Segment()) }):
		return Static
	case used && p.Contains(d.Addr):
		return Stranger
	case used:
		return Other
	case p.Contains(d.Addr):
		return Free
	}
	return Outside
}

// leaseMark is what the ledger says of the address.
func (d *AddressFacts) leaseMark(s pve.Segment) (Mark, bool) {
	for _, l := range d.Leases {
		if !l.Segment.Overlaps(s) || l.State == lease.Offered && !d.Now.Before(l.Until) {
			continue
		}
		switch {
		case l.State == lease.Conflicted:
			return Stranger, true
		case l.Origin == lease.Static:
			return Static, true
		case l.Origin == lease.Reserved:
			return Reserved, true
		case l.State == lease.Released:
			return Released, true
		case l.State == lease.Offered:
			return Offered, true
		}
		return Bound, true
	}
	return Free, false
}
