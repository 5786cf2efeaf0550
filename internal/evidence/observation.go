package evidence

import (
	"fmt"
	"strings"
	"time"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Observation is one piece of evidence as people read it.
type Observation struct {
	Source string    `json:"source"`         // wire, bridge, kernel, ledger, history, config, pools, dhcp, sdn
	From   string    `json:"from,omitempty"` // the device or file
	At     time.Time `json:"at"`             // when it was true, or written down
	Text   string    `json:"text"`
}

// Observations lists the evidence, what is freshest and hardest first.
func (d *AddressFacts) Observations() []Observation {
	var all []Observation
	add := func(source, from string, at time.Time, format string, args ...any) {
		all = append(all, Observation{source, report.Clean(from), at.Truncate(time.Second), fmt.Sprintf(format, args...)})
	}
	d.heard(add)
	d.inKernel(add)
	d.inLedger(add)
	d.inConfigs(add)
	d.atServers(add)
	return all
}

// adder takes one observation.
type adder func(source, from string, at time.Time, format string, args ...any)

// heard is what the wire said.
func (d *AddressFacts) heard(add adder) {
	for _, h := range d.Results {
		from := "ARP on " + h.Segment.String()
		if h.Addr.Is6() {
			from = "IPv6 neighbour discovery on " + h.Segment.String()
		}
		for _, v := range h.Voices {
			verb := "answers"
			switch {
			case v.Asks:
				verb = "probes for it itself"
			case v.Proxy:
				verb = "answers for every address"
			}
			host := d.identify(v.MAC, v.Port)
			add("wire", from, d.Now, "%s %s%s: %s", host.card(), verb, host.where(), host.who(d))
		}
		switch {
		case h.Doubt != "":
			add("wire", from, d.Now, "can't tell: %s", report.Clean(h.Doubt))
		case len(h.Voices) == 0 && h.Closed:
			add("wire", from, d.Now, "nobody answers on this closed network")
		case len(h.Voices) == 0:
			add("wire", from, d.Now, "nobody answers")
		}
	}
}

// inKernel is what this node's kernel has learnt: who it talked to itself, and
// behind which port those sit of whom the wire did not tell.
func (d *AddressFacts) inKernel(add adder) {
	want := map[pve.MAC]bool{}
	for _, n := range d.Neighbours {
		h := d.identify(n.MAC, "")
		add("kernel", "neighbours of "+n.Device, d.Now.Add(-n.Seen), "%s had it: %s", h.card(), h.who(d))
		want[n.MAC] = true
	}
	for _, h := range d.Results {
		for _, v := range h.Voices {
			want[v.MAC] = v.Port == ""
		}
	}
	for _, s := range d.Kernel.Stations {
		if want[s.MAC] {
			add("bridge", s.Bridge, d.Now.Add(-s.Seen), "%s", s.describe(d))
		}
	}
}

// describe says who sits behind the port.
func (s Station) describe(d *AddressFacts) string {
	h := d.identify(s.MAC, s.Port)
	vlan := ""
	if s.VLAN > 1 {
		vlan = fmt.Sprintf(", VLAN %d", s.VLAN)
	}
	return fmt.Sprintf("%s sits behind %s%s: %s", h.card(), report.Clean(s.Port), vlan, h.who(d))
}

// recent is how many events of the past are shown.
const recent = 3

// inLedger is what the ledger says, and this node's memory of it.
func (d *AddressFacts) inLedger(add adder) {
	for _, l := range d.Leases {
		switch {
		case l.State == lease.Conflicted:
			add("ledger", l.Segment.String(), l.Since, "seen in use by %s: %s", l.MAC, d.identify(l.MAC, "").who(d))
		default:
			add("ledger", l.Segment.String(), l.Since, "%s %s, net%d, %s%s", leaseVerb(l.State), d.guestName(l.Owner), l.Owner.NIC, leaseWords(l), macOf(l.MAC))
		}
	}
	for _, r := range d.Reserved {
		who := "nobody"
		if !r.Owner.IsZero() {
			who = d.guestName(r.Owner)
		}
		add("pools", "pools file", d.Now, "reserved for %s%s", who, comment(r.Comment))
	}
	if d.Fixed != "" {
		add("pools", "", d.Now, "it is %s", report.Clean(d.Fixed))
	}
	for _, e := range d.Past[max(0, len(d.Past)-recent):] {
		add("history", e.Node, e.Time, "%s", report.Clean(strings.TrimSpace(e.What+" "+e.Owner+" "+e.MAC+" "+e.Why)))
	}
}

func leaseWords(l lease.Lease) string {
	words := l.State.String() + ", " + l.Origin.String()
	if l.Unproven {
		words += ", unproven"
	}
	return words
}

func macOf(m pve.MAC) string {
	if m.IsZero() {
		return ""
	}
	return ", MAC " + m.String()
}

// inConfigs is which guests' configs name the address.
func (d *AddressFacts) inConfigs(add adder) {
	for _, u := range d.Uses {
		g, _ := d.guest(u.Owner.VMID)
		part := u.Where.String()
		if g.Template {
			part = "template"
		}
		add("config", u.Segment.String(), d.Now, "%s names it in net%d (%s)", d.guestName(u.Owner), u.Owner.NIC, part)
	}
}

// atServers is what DHCP servers and Proxmox's SDN say.
func (d *AddressFacts) atServers(add adder) {
	for _, c := range d.Clients {
		state := "leased"
		switch {
		case c.State == dhcp.Abandoned:
			state = "found in use by somebody else, was leased"
		case !c.Active(d.Now):
			state = "was leased"
		}
		add("dhcp", c.File, c.Read, "%s: %s to %s%s", c.Server, state, calledOr(c), until(c.Until))
	}
	for _, c := range d.Hosts {
		add("dhcp", c.File, c.Read, "%s: reserved for %s", c.Server, calledOr(c))
	}
	for _, s := range d.Spans {
		add("dhcp", s.File, d.Now, "%s gives out %s", s.Server, s.Range)
	}
	for _, e := range d.Entries {
		add("sdn", e.File, d.Now, "zone %s: %s%s", report.Clean(e.Zone), d.entryOwner(e), macOf(e.MAC))
	}
}
