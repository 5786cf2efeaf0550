package probe

import (
	"cmp"
	"errors"
	"fmt"

	"pve-iplease/internal/pve"
)

// Place is where a NIC is plugged in on this node.
type Place struct {
	Bridge string
	Tag    uint16 // VLAN ID, 0 for untagged
	// MAC is the NIC's own. Where a VLAN is asked through a port like the one
	// that the guest will have, probes are sent from it and from its stand-in;
	// zero when there is no guest, and the bridge's stand-in is used.
	MAC pve.MAC
	// Budget is shared with other questions on the same uplink; nil: with none.
	Budget *Budget
}

// String reads vmbr0, vmbr0.20.
func (p Place) String() string { return pve.NewSegment(p.Bridge, p.Tag).String() }

// check refuses what no bridge can have.
func (p Place) check() error {
	const maxVLAN = 4094 // IEEE 802.1Q
	if p.Tag > maxVLAN {
		return fmt.Errorf("VLAN %d on %s: a VLAN ID lies between 1 and %d", p.Tag, p.Bridge, maxVLAN)
	}
	return nil
}

// open finds how to ask at the place.
func (p Place) open(declared []string) (*Port, error) {
	b, _, err := openBridge(p.Bridge)
	var other switchError
	if errors.As(err, &other) {
		return p.openSwitch(other.device, declared)
	}
	if err != nil {
		return nil, err
	}
	port, err := p.openOn(b, declared)
	if err != nil || port.bridge != bridge(b) {
		b.close()
	}
	return port, err
}

func (p Place) openOn(b *kernelBridge, declared []string) (*Port, error) {
	switch {
	case b.self.aware:
		b.vlan = cmp.Or(p.Tag, b.self.pvid)
		return p.openAware(b, declared)
	case p.Tag != 0:
		return p.openClassic(b, declared)
	}
	return p.untagged(b, declared)
}

// openAware asks on a bridge that keeps VLANs apart: from the bridge itself
// where it is in the untagged guests' VLAN, and else through a temporary port
// (see plug). Spanning tree would keep a new port shut for up to 30 s; there
// the bridge must be in the VLAN itself, as a host's vmbr0.20 makes it.
func (p Place) openAware(b *kernelBridge, declared []string) (*Port, error) {
	ports, self, err := b.members()
	if err != nil {
		return nil, fmt.Errorf("VLANs of %s: %w", p.Bridge, err)
	}
	switch {
	case p.Tag == 0 && self.untagged:
		return p.untagged(b, declared)
	case len(ports) == 0:
		return b.hush(declared), nil
	case !b.self.stp:
		return p.openTemporary(b, 0, declared)
	case self.untagged:
		return p.untagged(b, declared)
	case self.in:
		return p.onBridge(b, b.vlan, declared)
	}
	return nil, fmt.Errorf("spanning tree on %[1]s would keep a probing port shut, and %[1]s itself is not in VLAN %[2]d: turn STP off, or give the host an interface %[1]s.%[2]d",
		p.Bridge, b.vlan)
}

// standIn is the sender of probes by a port like the guest's. Each guest has one
// of its own, since several may be asked for at once by ports of one bridge,
// which sends an answer to the one that spoke last.
func (p Place) standIn(bridge pve.MAC) pve.MAC {
	return cmp.Or(p.MAC, bridge).StandIn()
}
