package evidence

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/history"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// AddressFacts is everything that is known about one address.
type AddressFacts struct {
	*Snapshot
	Addr    netip.Addr
	Pool    *lease.Pool // that it belongs to where it is in use; nil: none
	Results []ProbeResult
	Past    []history.Event // oldest first

	Leases     []lease.Lease // of the ledger
	Uses       []lease.Use   // of configs: living first, then snapshots and templates
	Fixed      string        // why it is nobody's to lease: "the gateway of pool lan"; empty: it may be
	Reserved   []lease.Reservation
	Neighbours []Neighbour
	Clients    []Client
	Hosts      []Client // reservations of DHCP servers
	Spans      []Span
	Entries    []inventory.IPAMEntry
}

// Client is who a DHCP server has given, or promises, an address to.
type Client struct {
	Server dhcp.Server
	File   string
	Read   time.Time // when the file was written
	dhcp.Lease
}

// Span is a range out of which a DHCP server serves whoever asks.
type Span struct {
	Server dhcp.Server
	File   string
	pve.Range
}

// About gathers what the snapshot knows of an address.
func (e *Snapshot) About(a netip.Addr, heard []ProbeResult, past []history.Event) *AddressFacts {
	d := &AddressFacts{Snapshot: e, Addr: a, Past: past}
	for _, h := range heard {
		if h.Addr == a {
			d.Results = append(d.Results, h)
		}
	}
	if e.Table != nil {
		d.Leases = e.Table.Everywhere(a)
	}
	d.Uses = slices.Clone(e.Inventory.Uses[a])
	slices.SortStableFunc(d.Uses, func(x, y lease.Use) int { return e.rank(x) - e.rank(y) })
	d.Fixed = e.fixed(a)
	for _, r := range e.Reservations {
		if r.Addr == a {
			d.Reserved = append(d.Reserved, r)
		}
	}
	for _, n := range e.Kernel.Neighbours {
		if n.Addr == a {
			d.Neighbours = append(d.Neighbours, n)
		}
	}
	for _, i := range e.IPAM {
		if i.Addr == a {
			d.Entries = append(d.Entries, i)
		}
	}
	d.takeDHCP()
	d.Pool = d.home()
	return d
}

// home is the pool that the address belongs to on the network where it is in
// use: by right, else as far as somebody was heard. Where nobody has it, it is
// that of a network that was asked, or any.
func (d *AddressFacts) home() *lease.Pool {
	var used, asked []pve.Segment
	for _, r := range d.rights() {
		if !r.segment.Bridgeless() {
			used = append(used, r.segment)
		}
	}
	for _, h := range d.Results {
		s := pve.NewSegment(h.Segment.Bridge, h.Segment.Tag, d.Node)
		if asked = append(asked, s); len(h.Voices) > 0 {
			used = append(used, s)
		}
	}
	if len(used) == 0 {
		used = append(asked, pve.Segment{})
	}
	for _, s := range used {
		if p := d.Pools.Of(lease.Key{Segment: s, Addr: d.Addr}); p != nil {
			return p
		}
	}
	return nil
}

func (d *AddressFacts) takeDHCP() {
	for _, f := range d.DHCP.Files {
		s := f.Format.Server()
		for _, l := range f.Leases {
			if l.Addr == d.Addr {
				d.Clients = append(d.Clients, Client{s, f.Path, f.Modified, l})
			}
		}
		for _, r := range f.Reservations {
			if r.Addr == d.Addr {
				d.Hosts = append(d.Hosts, Client{s, f.Path, f.Modified, dhcp.Lease{Addr: r.Addr, MAC: r.MAC, Name: r.Name}})
			}
		}
		for _, r := range f.Ranges {
			if r.Contains(d.Addr) {
				d.Spans = append(d.Spans, Span{s, f.Path, r})
			}
		}
	}
}

// rank orders places in configs by their weight.
func (e *Snapshot) rank(u lease.Use) int {
	if g, _ := e.guest(u.Owner.VMID); g.Template {
		return 3
	}
	return int(u.Where)
}

// living reports whether a place in a config gives its guest the address now
// or at its next start.
func (e *Snapshot) living(u lease.Use) bool { return e.rank(u) < int(lease.Snapshot) }

// fixed says why an address is nobody's to lease.
func (e *Snapshot) fixed(a netip.Addr) string {
	for i := range e.Pools {
		if e.Pools[i].Gateway.Addr == a {
			return "the gateway of pool " + e.Pools[i].Name
		}
	}
	if why, ok := e.Inventory.Never[a]; ok {
		return why
	}
	if why, ok := e.Named[a]; ok {
		return why + " of the pools file"
	}
	return ""
}
