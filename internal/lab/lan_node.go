package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
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
	cable, err := n.Cable(port, lan)
	if err != nil {
		return nil, err
	}
	return cable, n.Enslave(bridge, port)
}

// Cable plugs a network card of the node into a LAN.
func (n *Node) Cable(device string, lan *LAN) (*Cable, error) {
	return lan.attach(n.Namespace, device, RandomMAC())
}

// Enslave makes a device a port of the bridge.
func (n *Node) Enslave(bridge, port string) error {
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

// Plug plugs a guest into a bridge of the node, an empty name only lays its
// cable. Proxmox calls the port of a
// container's net0 veth<vmid>i0: see GuestPort.
func (n *Node) Plug(bridge, port string, mac pve.MAC) (*Host, error) {
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
func GuestPort(id pve.VMID, nic int) string { return fmt.Sprintf("veth%di%d", id, nic) }

// AddAddr gives a device an address, as one that it has had for long: an IPv6
// address is not asked for first.
func (n *Namespace) AddAddr(device string, addr netip.Prefix) error {
	if err := n.addAddr(device, addr, unix.IFA_F_NODAD); err != nil || addr.Addr().Is4() {
		return err
	}
	return n.awaitListener(device, addr.Addr())
}

// awaitListener waits until the kernel has joined the group in which the
// address is asked for, which it does a little later (net/ipv6/addrconf.c,
// addrconf_dad_work).
func (n *Namespace) awaitListener(device string, addr netip.Addr) error {
	a := addr.As16()
	group := fmt.Sprintf("ff0200000000000000000001ff%x", a[13:])
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var groups []byte
		err := n.Do(func() (err error) {
			groups, err = os.ReadFile("/proc/thread-self/net/igmp6")
			return err
		})
		if err != nil {
			return err
		}
		if bytes.Contains(groups, []byte(group)) {
			return nil
		}
	}
	return fmt.Errorf("%s on %s is not listened for", addr, device)
}

// TakeAddr gives a device an IPv6 address as a host takes one: it asks on the
// wire whether somebody has it (RFC 4862 §5.4).
func (n *Namespace) TakeAddr(device string, addr netip.Prefix) error {
	return n.addAddr(device, addr, 0)
}

func (n *Namespace) addAddr(device string, addr netip.Prefix, flags int) error {
	link, err := n.links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("interface %s: %w", device, err)
	}
	a, err := netlink.ParseAddr(addr.String())
	if err != nil {
		return err
	}
	if addr.Addr().Is6() {
		a.Flags = flags
	}
	if err := n.links.AddrReplace(link, a); err != nil {
		return fmt.Errorf("address %s on %s: %w", addr, device, err)
	}
	return nil
}
