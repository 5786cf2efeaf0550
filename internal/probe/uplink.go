package probe

import (
	"fmt"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// view is what the kernel shows of a bridge at one moment.
type view struct {
	bridge string
	vlan   uint16 // that is asked, where the bridge keeps VLANs apart
	mac    pve.MAC
	up     bool
	ports  []port
	// The bridge is asked from an address of its own, which neigh_suppress
	// does not stop.
	resident bool
}

// suppressed reports whether a port lets no questions pass that come from
// nobody.
func (v view) suppressed() bool {
	return slices.ContainsFunc(v.ports, func(p port) bool { return p.suppress })
}

// port is a device that is plugged into the bridge; of guests' ports only
// index and name are known.
type port struct {
	index    int
	name     string
	carrier  bool // turned on, and has a link
	flaps    uint32
	state    uint8 // of spanning tree, forwarding without it
	suppress bool  // neigh_suppress: the bridge keeps probes from it
	apart    bool  // not in the VLAN that is asked
	native   bool  // what comes in untagged belongs to it
}

// Port states (linux/if_bridge.h, BR_STATE_*).
const (
	stateListening  = 1
	stateLearning   = 2
	stateForwarding = 3
)

// uplinks are the ports that lead out of this host.
func (v view) uplinks() []port {
	return slices.DeleteFunc(slices.Clone(v.ports), port.guest)
}

// guest reports whether Proxmox plugged the port in for a guest, or this
// program did for a while, perhaps at another guest's start.
func (p port) guest() bool {
	_, _, ok := pve.PortOwner(p.name)
	return ok || temporary(p.name)
}

// judge tells whether the bridge is a closed network, whose guests are all
// there is, and why its silence would prove nothing. declared names the ports
// that the host's configuration gives it.
func (v view) judge(declared []string) (closed bool, doubt string) {
	uplinks := v.uplinks()
	closed = len(uplinks) == 0 && len(declared) == 0
	for _, d := range declared {
		if !slices.ContainsFunc(v.ports, func(p port) bool { return p.name == d }) {
			return closed, fmt.Sprintf("uplink %s of %s is configured but missing", d, v.bridge)
		}
	}
	switch {
	case !v.up:
		return closed, v.bridge + " is down"
	case closed:
		return closed, ""
	}
	return closed, v.judgeUplinks(uplinks)
}

// judgeUplinks finds what keeps the uplinks from carrying probes out and
// answers in. One good uplink is enough, unless another is about to change.
func (v view) judgeUplinks(uplinks []port) string {
	inside := slices.DeleteFunc(slices.Clone(uplinks), func(p port) bool { return p.apart })
	if len(inside) == 0 {
		return fmt.Sprintf("no uplink of %s is in VLAN %d: %s", v.bridge, v.vlan, names(uplinks))
	}
	live := slices.DeleteFunc(slices.Clone(inside), func(p port) bool { return !p.carrier })
	if len(live) == 0 {
		return fmt.Sprintf("no uplink of %s has a link: %s", v.bridge, names(inside))
	}
	forwarding := false
	for _, p := range live {
		switch {
		case p.state == stateListening || p.state == stateLearning:
			return fmt.Sprintf("port %s of %s is still learning", p.name, v.bridge)
		case p.suppress && !v.resident:
			return fmt.Sprintf("%[1]s keeps probes from port %[2]s (neigh_suppress, as in EVPN zones), and has no address in the subnet itself to ask from; give its vnet a subnet with a gateway", v.bridge, p.name)
		}
		forwarding = forwarding || p.state == stateForwarding
	}
	if !forwarding {
		return fmt.Sprintf("no uplink of %s forwards: %s", v.bridge, names(live))
	}
	return ""
}

// changed tells what happened to the bridge between two looks that would have
// lost probes or answers.
func (v view) changed(later view) string {
	old, now := v.uplinks(), later.uplinks()
	if v.mac != later.mac {
		return fmt.Sprintf("%s changed its MAC from %s to %s", v.bridge, v.mac, later.mac)
	}
	for _, p := range old {
		i := slices.IndexFunc(now, p.same)
		if i < 0 {
			return fmt.Sprintf("uplink %s left %s", p.name, v.bridge)
		}
		if now[i].flaps != p.flaps {
			return fmt.Sprintf("uplink %s of %s lost its link for a moment", p.name, v.bridge)
		}
	}
	for _, p := range now {
		if !slices.ContainsFunc(old, p.same) {
			return fmt.Sprintf("uplink %s has only just joined %s", p.name, v.bridge)
		}
	}
	return ""
}

func (p port) same(o port) bool { return p.index == o.index }

func names(ports []port) string {
	var out []string
	for _, p := range ports {
		out = append(out, p.name)
	}
	return strings.Join(out, ", ")
}
