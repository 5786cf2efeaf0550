package probe

import (
	"fmt"

	"pve-iplease/internal/lease"
)

// Place is where a NIC is plugged in on this node.
type Place struct {
	Bridge string
	Tag    uint16 // VLAN ID, 0 for untagged
	// MAC is the NIC's own. Where a VLAN is asked through a port like the one
	// that the guest will have, probes are sent from it; zero when there is no
	// guest, and an address derived from the bridge's stands in.
	MAC lease.MAC
}

// String reads vmbr0, vmbr0.20.
func (p Place) String() string { return lease.NewSegment(p.Bridge, p.Tag).String() }

// check refuses what no bridge can have.
func (p Place) check() error {
	const maxVLAN = 4094 // IEEE 802.1Q
	if p.Tag > maxVLAN {
		return fmt.Errorf("VLAN %d on %s: a VLAN ID lies between 1 and %d", p.Tag, p.Bridge, maxVLAN)
	}
	return nil
}

// openPlace finds the bridge to ask on. A VLAN of a bridge that knows none
// has one of its own, vmbr0v20 (PVE::Network, activate_bridge_vlan).
func openPlace(at Place) (*kernelBridge, lease.MAC, error) {
	if at.Tag == 0 {
		return openBridge(at.Bridge)
	}
	b, mac, err := openBridge(fmt.Sprintf("%sv%d", at.Bridge, at.Tag))
	if err != nil {
		err = fmt.Errorf("VLAN %d of %s can't be asked from this node yet", at.Tag, at.Bridge)
	}
	return b, mac, err
}
