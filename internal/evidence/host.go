package evidence

import (
	"fmt"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Host is who a MAC address belongs to, as far as can be told.
type Host struct {
	MAC     pve.MAC
	Segment pve.Segment // where it was heard, on this node; zero: not heard
	Port    string      // bridge port of this node; empty: unknown
	Owner   pve.Owner   // the guest's interface; zero: no guest
	Guest   lease.Guest // zero with an Owner: a guest on a port that no config knows
	OnPort  bool        // the port says so, whatever configs say
	Device  string      // this node's own device
	Prober  string      // the node whose probes come from it
	Maker   string      // foreign
	Called  string      // "dnsmasq's lease calls it printer"; empty: no server knows it
	Proxy   bool
}

// identify finds out who a MAC address is. The port that it was heard on proves
// more than the MAC address, which a config can claim and a guest can change. The
// forwarding table proves nothing, as one frame with a forged address changes it:
// it makes nobody a guest whose MAC that isn't.
func (d *AddressFacts) identify(m pve.MAC, port string) Host {
	h := Host{MAC: m, Port: port, Maker: d.maker(m), Called: d.called(m), Device: d.Kernel.Own[m]}
	g, known := d.guestByMAC(m)
	if s := d.Kernel.stations(m); port == "" && len(s) > 0 {
		if o, _, guest := pve.PortOwner(s[0].Port); !guest || known && g.VMID == o.VMID {
			h.Port = s[0].Port
		}
	}
	if d.Table != nil {
		for name, n := range d.Table.Nodes {
			if slices.Contains(n.Probers, m) {
				h.Prober = name
			}
		}
	}
	if o, sure, ok := pve.PortOwner(h.Port); ok {
		h.Owner, h.OnPort = o, true
		if h.Guest, ok = d.guest(o.VMID); ok && !sure {
			h.Owner.Kind = h.Guest.Kind
		}
		return h
	}
	if known {
		h.Guest, h.Owner = g, pve.Owner{Kind: g.Kind, VMID: g.VMID}
		for o, w := range d.Wiring {
			if o.VMID == g.VMID && w.MAC == m {
				h.Owner.NIC = o.NIC
			}
		}
	}
	return h
}

// called says what a DHCP server's lease of this address to this MAC calls
// the host.
func (d *AddressFacts) called(m pve.MAC) string {
	for _, c := range append(slices.Clone(d.Clients), d.Hosts...) {
		if c.MAC == m && !m.IsZero() && c.Name != "" {
			verb := "calls"
			if !c.Active(d.Now) {
				verb = "called"
			}
			return fmt.Sprintf("%s's lease %s it %s", c.Server, verb, report.Clean(c.Name))
		}
	}
	return ""
}

// card reads 52:54:00:12:34:56 (QEMU).
func (h Host) card() string {
	if h.Maker == "" {
		return h.MAC.String()
	}
	return fmt.Sprintf("%s (%s)", h.MAC, report.Clean(h.Maker))
}

// who names the host: VM 200 (tv) on pve1.
func (h Host) who(d *AddressFacts) string {
	switch {
	case h.Device != "":
		return fmt.Sprintf("this node's own %s", report.Clean(h.Device))
	case !h.Owner.IsZero():
		return d.guestName(h.Owner)
	case h.Prober != "":
		return "node " + report.Clean(h.Prober)
	}
	if !d.Inventory.Complete {
		return "no guest whose config could be read"
	}
	return "no guest of this cluster"
}

// where says how the host is reached: "on tap200i0".
func (h Host) where() string {
	if h.Port == "" {
		return ""
	}
	return " on " + report.Clean(h.Port)
}

// details are what is known beside the name: how its config plugs it in, what
// a DHCP server calls it, and that it lies about its MAC address.
func (h Host) details(d *AddressFacts) string {
	var all []string
	if w := d.describeWiring(h.Owner); w != "" {
		all = append(all, ", "+w)
	}
	if h.OnPort && h.Guest.VMID != 0 && !slices.Contains(h.Guest.MACs, h.MAC) {
		all = append(all, ", with a MAC address that its config doesn't have")
	}
	if h.Called != "" {
		all = append(all, "; "+h.Called)
	}
	return strings.Join(all, "")
}

// guestName reads CT 105 (web) on pve2.
func (e *Snapshot) guestName(o pve.Owner) string {
	g, ok := e.guest(o.VMID)
	if !ok {
		return o.Guest() + e.absent()
	}
	o.Kind = g.Kind
	name := o.Guest()
	if g.Name != "" {
		name += " (" + report.Clean(g.Name) + ")"
	}
	return name + " on " + report.Clean(g.Node)
}

// is reports whether the host is the guest.
func (h Host) is(o pve.Owner) bool { return h.Owner.VMID == o.VMID && !o.IsZero() }
