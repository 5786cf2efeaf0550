package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"pve-iplease/internal/lease"
)

// Node is the network side of a Proxmox host: a namespace with bridges. Each
// node has its own, so several can share one LAN, and one process can be all
// of them.
type Node struct {
	*Namespace
	Name string
}

// NewNode makes a host with no bridge yet.
func NewNode(name string) (*Node, error) {
	ns, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	return &Node{Namespace: ns, Name: name}, nil
}

// AddBridge makes a bridge without ports; without addresses it has no IPv4,
// as is common on Proxmox.
func (n *Node) AddBridge(bridge string, addrs ...netip.Prefix) error {
	if err := n.addBridge(bridge); err != nil {
		return err
	}
	for _, a := range addrs {
		if err := n.AddAddr(bridge, a); err != nil {
			return err
		}
	}
	return nil
}

// Uplink plugs a bridge of the node into a LAN, by a port of that name.
func (n *Node) Uplink(bridge, port string, lan *LAN) (*Cable, error) {
	cable, err := lan.attach(n.Namespace, port, RandomMAC())
	if err != nil {
		return nil, err
	}
	return cable, n.enslave(bridge, port)
}

// enslave makes a device a port of the bridge.
func (n *Node) enslave(bridge, port string) error {
	master, err := n.links.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("bridge %s: %w", bridge, err)
	}
	slave, err := n.links.LinkByName(port)
	if err != nil {
		return fmt.Errorf("port %s: %w", port, err)
	}
	return n.links.LinkSetMaster(slave, master)
}

// Plug plugs a guest into a bridge of the node. Proxmox calls the port of a
// container's net0 veth<vmid>i0: see GuestPort.
func (n *Node) Plug(bridge, port string, mac lease.MAC) (*Host, error) {
	h, err := newHost(mac)
	if err != nil {
		return nil, err
	}
	if err := n.plug(bridge, port, h.Namespace, hostDevice, mac); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// AddPort makes a port that leads nowhere: one of the many of a busy host.
func (n *Node) AddPort(bridge, port string) error {
	return n.plug(bridge, port, n.Namespace, "far"+port, RandomMAC())
}

// GuestPort is the name of a container's port on its bridge (PVE::LXC,
// update_net).
func GuestPort(id lease.VMID, nic int) string { return fmt.Sprintf("veth%di%d", id, nic) }

// AddAddr gives a device an address.
func (n *Namespace) AddAddr(device string, addr netip.Prefix) error {
	link, err := n.links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("interface %s: %w", device, err)
	}
	a, err := netlink.ParseAddr(addr.String())
	if err != nil {
		return err
	}
	if err := n.links.AddrReplace(link, a); err != nil {
		return fmt.Errorf("address %s on %s: %w", addr, device, err)
	}
	return nil
}
