package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Remember makes the LAN's switch one of an EVPN zone: from its cache it answers
// ARP and neighbour discovery for hosts behind a VXLAN port, whether or not they
// are still there (net/bridge/br_arp_nd_proxy.c, neigh_suppress).
func (l *LAN) Remember(mac pve.MAC, addrs ...netip.Addr) error {
	const port = "vxlan1"
	master, err := l.sw.links.LinkByName(switchName)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex = port, master.Attrs().Index
	if err := l.sw.links.LinkAdd(&netlink.Vxlan{LinkAttrs: attrs, VxlanId: 1, Port: 4789}); err != nil {
		return fmt.Errorf("%s: %w", port, err)
	}
	if err := l.sw.SetUp(port, true); err != nil {
		return err
	}
	if err := l.sw.SetNeighSuppress(port, true); err != nil {
		return err
	}
	behind, err := l.sw.links.LinkByName(port)
	if err != nil {
		return err
	}
	err = l.sw.links.NeighSet(&netlink.Neigh{
		LinkIndex: behind.Attrs().Index, HardwareAddr: hardware(mac), Family: unix.AF_BRIDGE,
		State: netlink.NUD_NOARP, Flags: netlink.NTF_MASTER,
	})
	if err != nil {
		return fmt.Errorf("forwarding of %s to %s: %w", mac, port, err)
	}
	for _, a := range addrs {
		if err := l.sw.Tell(switchName, a, mac); err != nil {
			return err
		}
	}
	return nil
}
