package evidence

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Resident is a line of a scan: an address, and a host that was heard for it,
// or that should have been. Its words are fit to be printed.
type Resident struct {
	Addr     netip.Addr `json:"address"`
	Segment  string     `json:"segment"`
	MAC      string     `json:"mac,omitempty"`  // empty: nobody was heard
	Port     string     `json:"port,omitempty"` // bridge port of this node
	Vendor   string     `json:"vendor,omitempty"`
	VMID     pve.VMID   `json:"vmid,omitempty"`
	Guest    string     `json:"guest,omitempty"` // CT 101
	Name     string     `json:"name,omitempty"`
	Ledger   string     `json:"ledger,omitempty"` // bound, released, offered, static, reserved, conflicted; empty: it says nothing
	Remark   string     `json:"remark,omitempty"`
	Severity Severity   `json:"severity"`
	Verdict  string     `json:"verdict"`
	Do       []Step     `json:"do,omitempty"`
	Twice    pve.MAC    `json:"-"` // as the verdict has it
}

// Proxy is a host that answers for everybody, which says nothing about the
// addresses.
type Proxy struct {
	MAC       string `json:"mac"`
	Port      string `json:"port,omitempty"`
	Addresses int    `json:"addresses"`
}

// Residents lists who was heard on a network, and of the addresses in which
// lease.Ranges it was asked for those that should have been heard. Addresses
// for which only proxies answer are counted, not listed.
func (e *Snapshot) Residents(s Survey, asked func(netip.Addr) bool) ([]Resident, []Proxy) {
	var all []Resident
	heard := map[netip.Addr]bool{}
	proxies := map[pve.MAC]*Proxy{}
	for _, h := range s.Heard {
		if count(proxies, h) {
			continue
		}
		heard[h.Addr] = true
		all = append(all, e.residents(h)...)
	}
	for _, a := range e.expected(s.Segment) {
		if asked(a) && !heard[a] {
			all = append(all, e.residents(ProbeResult{Segment: s.Segment, Addr: a, Doubt: s.Doubt, Closed: s.Closed})...)
		}
	}
	slices.SortStableFunc(all, func(x, y Resident) int { return x.Addr.Compare(y.Addr) })
	var answer []Proxy
	for _, p := range proxies {
		answer = append(answer, *p)
	}
	slices.SortFunc(answer, func(x, y Proxy) int { return strings.Compare(x.MAC, y.MAC) })
	return all, answer
}

// count enters the proxies among the voices; only is true when there is
// nobody else.
func count(all map[pve.MAC]*Proxy, h ProbeResult) (only bool) {
	only = true
	for _, v := range h.Voices {
		if !v.Proxy {
			only = false
			continue
		}
		if all[v.MAC] == nil {
			all[v.MAC] = &Proxy{MAC: v.MAC.String(), Port: report.Clean(v.Port)}
		}
		all[v.MAC].Addresses++
	}
	return only
}

// expected are the addresses of a network that are in use as far as is known:
// leased to guests that run, and this node's own, which no probe of its own
// reaches.
func (e *Snapshot) expected(s pve.Segment) []netip.Addr {
	here := pve.NewSegment(s.Bridge, s.Tag, e.Node)
	var all []netip.Addr
	for l := range e.Table.All() {
		if l.State == lease.Bound && l.Segment.Overlaps(here) {
			all = append(all, l.Addr)
		}
	}
	for a, why := range e.Inventory.Never {
		if why == ownAddress {
			all = append(all, a)
		}
	}
	return sorted(all)
}

// ownAddress is what the inventory calls an address of the node that looks.
const ownAddress = "an address of this node"

// residents makes a line of each host that was heard for an address, or one
// that says who was not.
func (e *Snapshot) residents(h ProbeResult) []Resident {
	here := pve.NewSegment(h.Segment.Bridge, h.Segment.Tag, e.Node)
	return e.About(h.Addr, []ProbeResult{h}, nil).lines(h, here)
}

// lines are those of the hosts in a probe result; s is the network as the ledger
// knows it.
func (d *AddressFacts) lines(h ProbeResult, s pve.Segment) []Resident {
	v := Judge(d)
	line := Resident{
		Addr: h.Addr, Segment: h.Segment.String(), Ledger: d.standing(s),
		Severity: v.Severity, Verdict: v.Text, Do: v.Do, Twice: v.Twice,
	}
	if len(h.Voices) == 0 {
		if rights := d.rights(); len(rights) > 0 {
			line.name(d, Host{Owner: rights[0].owner})
		}
		line.Remark = d.silence(h)
		return []Resident{line}
	}
	var all []Resident
	for _, voice := range h.Voices {
		host := d.identify(voice.MAC, voice.Port)
		host.Segment = s
		one := line
		one.MAC, one.Port, one.Vendor = voice.MAC.String(), report.Clean(host.Port), report.Clean(host.Maker)
		one.name(d, host)
		one.Remark = d.remark(host, voice, v)
		all = append(all, one)
	}
	return all
}

// name enters the guest that a host is.
func (r *Resident) name(d *AddressFacts, h Host) {
	if h.Owner.IsZero() {
		return
	}
	if g, ok := d.guest(h.Owner.VMID); ok {
		h.Owner.Kind, r.Name = g.Kind, report.Clean(g.Name)
	}
	r.VMID, r.Guest = h.Owner.VMID, h.Owner.Guest()
}

// standing is what the ledger, or else the pools file, says of the address on
// a network.
func (d *AddressFacts) standing(s pve.Segment) string {
	for _, l := range d.Leases {
		switch {
		case !l.Segment.Overlaps(s):
		case l.Origin == lease.FromPool || l.State != lease.Bound:
			return l.State.String()
		default:
			return l.Origin.String()
		}
	}
	if len(d.Reserved) > 0 {
		return lease.Reserved.String()
	}
	return ""
}

// remark says in a few words what a line should tell beside its columns.
func (d *AddressFacts) remark(h Host, v Responder, verdict Verdict) string {
	var all []string
	add := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(verdict.Severity == Conflict && verdict.Twice.IsZero(), "conflict")
	add(!verdict.Twice.IsZero(), "one MAC twice")
	add(v.Asks, "probes for it only")
	add(v.Proxy, "proxy")
	add(d.Fixed != "", "%s", d.role())
	add(h.Device != "", "this node's %s", report.Clean(h.Device))
	add(h.Prober != "" && h.Owner.IsZero() && h.Device == "", "node %s", report.Clean(h.Prober))
	add(h.OnPort && h.Guest.VMID != 0 && !slices.Contains(h.Guest.MACs, h.MAC), "not the MAC of its config")
	if p := d.leasedBy(h.Segment); h.Owner.IsZero() && d.Fixed == "" && p != nil {
		add(verdict.Severity == Warning, "stranger in pool %s", report.Clean(p.Name))
	}
	add(!h.Owner.IsZero() && verdict.Severity == Warning, "not in the ledger")
	for _, c := range d.Clients {
		add(c.MAC == h.MAC && c.Name != "", "%s: %s", c.Server, report.Clean(c.Name))
	}
	return strings.Join(all, ", ")
}

// role is why an address is nobody's to lease, in a few words.
func (d *AddressFacts) role() string {
	words := strings.TrimPrefix(strings.TrimPrefix(d.Fixed, "an address of "), "the ")
	return report.Clean(words)
}

// hint is what a map says of an address nobody was heard for: its role, who
// was seen with it, what a DHCP server calls its client, why it is reserved.
func (d *AddressFacts) hint() string {
	var all []string
	add := func(s string) {
		if s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	add(d.role())
	if s, ok := d.stranger(); ok {
		add("seen in use by " + d.identify(s.MAC, "").card())
	}
	for _, c := range d.Clients {
		if c.Active(d.Now) {
			add(fmt.Sprintf("%s: %s", c.Server, calledOr(c)))
		}
	}
	for _, r := range d.Reserved {
		add(report.Clean(r.Comment))
	}
	return strings.Join(all, ", ")
}

// silence says why a line has nobody.
func (d *AddressFacts) silence(h ProbeResult) string {
	switch {
	case d.Fixed != "":
		return d.role()
	case h.Doubt != "":
		return "can't be told"
	}
	return "silent"
}
