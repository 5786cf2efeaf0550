package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Child is a kind of device that lies on a bridge as Docker's networks do
// (docker network create -d macvlan -o parent=vmbr0).
type Child string

// The kinds.
const (
	MACVLAN Child = "macvlan"
	IPVLAN  Child = "ipvlan"
)

// Child lays a device on one of the node's own, a bridge as a rule, and puts it
// into a namespace of its own, where nobody on the node sees it. An ipvlan
// device has its parent's MAC.
func (n *Node) Child(parent string, kind Child) (*Host, error) {
	below, err := n.links.LinkByName(parent)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", parent, err)
	}
	h, err := newHost(RandomMAC())
	if err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Namespace = hostDevice, below.Attrs().Index, netlink.NsFd(int(h.ns.Fd()))
	var child netlink.Link
	switch kind {
	case MACVLAN:
		attrs.HardwareAddr = hardware(h.MAC)
		child = &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	case IPVLAN:
		h.MAC = pve.MAC(below.Attrs().HardwareAddr)
		child = &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}
	}
	if err := n.links.LinkAdd(child); err != nil {
		return nil, errors.Join(fmt.Errorf("%s on %s: %w", kind, parent, err), h.Close())
	}
	return h, h.SetUp(hostDevice, true)
}

// Child lays a device on a node's bridge that has these addresses, which read
// 10.0.0.200/24. A kernel that lacks the kind skips the test; the virtual
// machine of 'make test-vm' has both.
func (f Fixture) Child(n *Node, parent string, kind Child, addrs ...string) *Host {
	f.t.Helper()
	RequireDevice(f.t, "/dev/net/tun") // a bridge with children is asked through a port
	h, err := n.Child(parent, kind)
	if errors.Is(err, unix.EOPNOTSUPP) {
		f.t.Skipf("this kernel has no %s: %v; see make test-vm", kind, err)
	}
	f.Must(err)
	f.t.Cleanup(func() { _ = h.Close() })
	for _, a := range addrs {
		f.Must(h.AddAddr(hostDevice, netip.MustParsePrefix(a)))
	}
	return h
}
