package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Sent tells how many frames have left through a device since it is there.
func (n *Namespace) Sent(device string) (frames uint64, err error) {
	link, err := n.links.LinkByName(device)
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", device, err)
	}
	if link.Attrs().Statistics == nil {
		return 0, fmt.Errorf("interface %s counts nothing", device)
	}
	return link.Attrs().Statistics.TxPackets, nil
}

// Forget empties a device's IPv4 neighbour table: what was asked before must
// not help what asks next.
func (n *Namespace) Forget(device string) error {
	link, err := n.links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("interface %s: %w", device, err)
	}
	table, err := n.links.NeighList(link.Attrs().Index, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("neighbour table: %w", err)
	}
	for _, e := range table {
		if a, _ := netip.AddrFromSlice(e.IP); !a.Unmap().IsMulticast() {
			_ = n.links.NeighDel(&netlink.Neigh{LinkIndex: e.LinkIndex, IP: e.IP, Family: unix.AF_INET}) // it may have timed out
		}
	}
	return nil
}
