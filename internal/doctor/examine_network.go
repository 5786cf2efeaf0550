package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/report"
)

// bridges: on what a pool's guests are plugged in, and probes are sent.
func (x *examination) bridges() {
	for _, b := range x.Bridges {
		name := report.Clean(b.Name)
		before := len(x.checks)
		switch {
		case b.Missing != "":
			x.say(evidence.Wrong, "bridge", fmt.Sprintf("%s, of pool %s, can't be used: %s", name, x.poolsOf(b.Name), b.Missing),
				"make it in System, Network; or name with 'nodes' in the pool which nodes have it")
			continue
		case !b.Up:
			x.say(evidence.Wrong, "bridge", name+" is down: nothing can be proved free on it", "", "ip link set "+name+" up")
		}
		x.uplinks(b)
		x.switching(b)
		if len(x.checks) == before {
			x.say(evidence.OK, "bridge", fmt.Sprintf("%s, of pool %s: %s", name, x.poolsOf(b.Name), b.describe()), "")
		}
	}
}

func (x *examination) poolsOf(bridge string) string {
	var names []string
	for _, p := range x.serving(bridge) { // one of both families is two
		if name := report.Clean(p.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// uplinks: what leads to the rest of the network.
func (x *examination) uplinks(b Bridge) {
	name := report.Clean(b.Name)
	has := func(port string) bool {
		return slices.ContainsFunc(b.Ports, func(p Port) bool { return p.Name == port })
	}
	for _, d := range b.Declared {
		if !strings.Contains(d, " ") && !strings.ContainsAny(d, "*.?[") && d != "regex" && d != "glob" && !has(d) {
			x.say(evidence.Wrong, "bridge", fmt.Sprintf("%s lacks its uplink %s, which /etc/network/interfaces gives it: no new lease can be proved free", name, report.Clean(d)),
				"see whether the device is there; then", "ifreload -a")
		}
	}
	live := slices.ContainsFunc(b.Ports, func(p Port) bool { return p.Carrier })
	if len(b.Ports) > 0 && !live {
		x.say(evidence.Wrong, "bridge", fmt.Sprintf("no uplink of %s has a link (%s): no new lease can be proved free", name, b.portNames()), "see to the cable and the switch", "ip link show master "+name)
	}
	for _, p := range b.Ports {
		if p.Suppress && !x.resident(b) {
			x.say(evidence.Doubtful, "bridge", fmt.Sprintf("%s keeps probes from port %s (neigh_suppress, as in EVPN zones), and has no address in the subnet to ask from: no new lease can be proved free",
				name, report.Clean(p.Name)), "give its vnet a subnet with a gateway, in Datacenter, SDN")
		}
	}
}

// resident reports whether the bridge has an address in each of its pools'
// subnets, from which neigh_suppress lets it ask.
func (x *examination) resident(b Bridge) bool {
	for _, p := range x.serving(b.Name) {
		in := func(a netip.Prefix) bool { return p.Subnet.Contains(a.Addr()) }
		if p.Subnet.Addr().Is4() && !slices.ContainsFunc(b.Addrs, in) {
			return false
		}
	}
	return true
}

// switching: spanning tree keeps ports silent for a while.
func (x *examination) switching(b Bridge) {
	name := report.Clean(b.Name)
	tags := x.vlans(b.Name)
	switch {
	case b.STP && len(tags) > 0:
		x.say(evidence.Doubtful, "bridge", fmt.Sprintf("%s runs the spanning tree protocol: VLANs that the bridge itself is not in can't be asked, since a new port is silent for up to 30 s", name),
			"if no loop can arise, turn it off: in /etc/network/interfaces 'bridge-stp off', and at once", "ip link set "+name+" type bridge stp_state 0")
	case b.STP:
		x.say(evidence.Doubtful, "bridge", name+" runs the spanning tree protocol: for up to 30 s after a link comes up nothing can be proved free on it",
			"if no loop can arise, turn it off: in /etc/network/interfaces 'bridge-stp off', and at once", "ip link set "+name+" type bridge stp_state 0")
	}
}

// describe reads "uplink eno1, VLAN-aware".
func (b Bridge) describe() string {
	words := []string{"no uplink, a network of this node alone"}
	switch {
	case b.Switch:
		return "a bridge of Open vSwitch"
	case len(b.Ports) == 0:
	case len(b.Ports) == 1:
		words[0] = "uplink " + b.portNames()
	default:
		words[0] = "uplinks " + b.portNames()
	}
	if b.VLAN {
		words = append(words, "VLAN-aware")
	}
	return strings.Join(words, ", ")
}

func (b Bridge) portNames() string {
	var names []string
	for _, p := range b.Ports {
		names = append(names, report.Clean(p.Name))
	}
	return strings.Join(names, ", ")
}
