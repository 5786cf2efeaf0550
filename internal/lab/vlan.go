package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// AddAwareBridge makes a bridge that keeps VLANs apart, as Proxmox's "VLAN
// aware" does. Not every kernel can; see Fixture.AwareNode.
func (n *Node) AddAwareBridge(bridge string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = bridge
	attrs.Flags = net.FlagUp
	attrs.HardwareAddr = hardware(RandomMAC())
	aware := true
	if err := n.links.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, VlanFiltering: &aware}); err != nil {
		return fmt.Errorf("VLAN-aware bridge %s: %w", bridge, err)
	}
	return nil
}

// JoinVLANs puts a port, or the bridge itself, into further VLANs.
func (n *Namespace) JoinVLANs(port string, ids ...uint16) error {
	return n.vlans(port, ids, func(l netlink.Link, id uint16, self bool) error {
		return n.links.BridgeVlanAdd(l, id, false, false, self, !self)
	})
}

// LeaveVLANs takes a port out of VLANs.
func (n *Namespace) LeaveVLANs(port string, ids ...uint16) error {
	return n.vlans(port, ids, func(l netlink.Link, id uint16, self bool) error {
		return n.links.BridgeVlanDel(l, id, false, false, self, !self)
	})
}

func (n *Namespace) vlans(port string, ids []uint16, do func(l netlink.Link, id uint16, self bool) error) error {
	link, err := n.links.LinkByName(port)
	if err != nil {
		return fmt.Errorf("port %s: %w", port, err)
	}
	for _, id := range ids {
		if err := do(link, id, link.Type() == "bridge"); err != nil {
			return fmt.Errorf("VLAN %d of %s: %w", id, port, err)
		}
	}
	return nil
}

// PlugTagged plugs a guest into a VLAN of a bridge, as Proxmox does with tag=.
func (n *Node) PlugTagged(bridge, port string, tag uint16, mac pve.MAC) (*Host, error) {
	h, err := n.Plug(bridge, port, mac)
	if err != nil {
		return nil, err
	}
	err = n.vlans(port, []uint16{tag}, func(l netlink.Link, id uint16, _ bool) error {
		return errors.Join(n.links.BridgeVlanDel(l, 1, false, false, false, true), n.links.BridgeVlanAdd(l, id, true, true, false, true))
	})
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// AddVLAN makes a VLAN device on another one, called eth0.20, and turns it on.
func (n *Namespace) AddVLAN(device string, tag uint16, addrs ...netip.Prefix) (name string, err error) {
	link, err := n.links.LinkByName(device)
	if err != nil {
		return "", fmt.Errorf("interface %s: %w", device, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = fmt.Sprintf("%s.%d", device, tag)
	attrs.ParentIndex = link.Attrs().Index
	attrs.Flags = net.FlagUp
	if err := n.links.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: int(tag)}); err != nil {
		return "", fmt.Errorf("VLAN device %s: %w", attrs.Name, err)
	}
	for _, a := range addrs {
		if err := n.AddAddr(attrs.Name, a); err != nil {
			return "", err
		}
	}
	return attrs.Name, nil
}

// NeedVLANs skips a test on a kernel without 8021q or VLAN filtering. The
// virtual machine of 'make test-vm' has both.
func (f Fixture) NeedVLANs() {
	f.t.Helper()
	n, err := NewNode("trial")
	f.Must(err)
	defer n.Close()
	err = n.AddAwareBridge("trial")
	if err == nil {
		_, err = n.AddVLAN("trial", 20)
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		f.t.Skipf("this kernel has no VLANs: %v; see make test-vm", err)
	}
	f.Must(err)
}

// AwareNode makes a Proxmox host whose VLAN-aware vmbr0 is plugged into the LAN
// by eno1, which carries the VLANs named.
func (f Fixture) AwareNode(name string, lan *LAN, ids ...uint16) (*Node, *Cable) {
	f.t.Helper()
	f.NeedVLANs()
	n, err := NewNode(name)
	f.Must(err)
	f.t.Cleanup(func() { _ = n.Close() })
	f.Must(n.AddAwareBridge("vmbr0"))
	cable, err := n.Uplink("vmbr0", "eno1", lan)
	f.Must(err)
	f.Must(n.JoinVLANs("eno1", ids...))
	return n, cable
}

// TaggedGuest plugs a guest into a VLAN of a node's bridge, as its net0.
func (f Fixture) TaggedGuest(n *Node, bridge string, id pve.VMID, tag uint16, addr string) *Host {
	f.t.Helper()
	h, err := n.PlugTagged(bridge, GuestPort(id, 0), tag, RandomMAC())
	f.Must(err)
	f.t.Cleanup(func() { _ = h.Close() })
	if addr != "" {
		f.Must(h.Configure(netip.MustParsePrefix(addr), netip.Addr{}))
	}
	return h
}

// TaggedHost plugs a real host into a VLAN of the LAN.
func (f Fixture) TaggedHost(lan *LAN, tag uint16, addrs ...string) *Host {
	f.t.Helper()
	h := f.Host(lan)
	f.Must(h.answerStrictly())
	device, err := h.AddVLAN(hostDevice, tag)
	f.Must(err)
	for _, a := range addrs {
		f.Must(h.AddAddr(device, netip.MustParsePrefix(a)))
	}
	return h
}

// answerStrictly keeps a host from answering ARP on one device for the address
// of another, as Linux does by default.
func (n *Namespace) answerStrictly() error {
	return n.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/conf/all/arp_ignore", []byte("1"), 0o644)
	})
}

// SetSpanningTree lets the kernel's spanning tree decide which ports of the
// bridge forward.
func (n *Namespace) SetSpanningTree(bridge string) error {
	link, err := n.links.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("bridge %s: %w", bridge, err)
	}
	return n.Do(func() error {
		msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
		msg.Index = int32(link.Attrs().Index)
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
		data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		data.AddRtAttr(nl.IFLA_BR_FORWARD_DELAY, nl.Uint32Attr(200)) // the least there is, 2 s
		data.AddRtAttr(nl.IFLA_BR_STP_STATE, nl.Uint32Attr(1))
		req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
		req.AddData(msg)
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return os.NewSyscallError("setlink "+bridge, err)
	})
}
