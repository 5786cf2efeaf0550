package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"

	"pve-iplease/internal/pve"
)

// LAN is one Ethernet segment: a switch in a namespace of its own, which
// nodes, hosts and strangers are plugged into.
type LAN struct {
	sw *Namespace

	mu    sync.Mutex
	ports int
	hub   *hub // where scripted strangers live; made with the first
}

// switchName is the bridge that is a LAN's switch.
const switchName = "switch"

// NewLAN makes a segment with nothing plugged in.
func NewLAN() (*LAN, error) {
	sw, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	if err := sw.addBridge(switchName); err != nil {
		return nil, errors.Join(err, sw.Close())
	}
	return &LAN{sw: sw}, nil
}

// addBridge makes a bridge that forwards at once (no spanning tree) and whose
// address does not follow its ports, and turns it on.
func (n *Namespace) addBridge(name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.Flags = net.FlagUp
	attrs.HardwareAddr = hardware(RandomMAC())
	if err := n.links.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("bridge %s: %w", name, err)
	}
	return nil
}

// plug lays a cable: a port of this namespace's bridge, or of none when its
// name is empty, and at its other end a device of another namespace. Both ends
// are up.
func (n *Namespace) plug(bridge, port string, far *Namespace, device string, mac pve.MAC) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = port
	attrs.Flags = net.FlagUp
	if bridge != "" {
		master, err := n.links.LinkByName(bridge)
		if err != nil {
			return fmt.Errorf("bridge %s: %w", bridge, err)
		}
		attrs.MasterIndex = master.Attrs().Index
	}
	attrs.Index = unlikeIndex()
	attrs.HardwareAddr = hardware(portMAC())
	veth := &netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         device,
		PeerHardwareAddr: hardware(mac),
		PeerNamespace:    netlink.NsFd(int(far.ns.Fd())),
	}
	if err := n.links.LinkAdd(veth); err != nil {
		return fmt.Errorf("port %s of %s: %w", port, bridge, err)
	}
	if err := far.SetUp(device, true); err != nil {
		return err
	}
	n.keep(far)
	far.keep(n)
	return errors.Join(n.awaitLink(port), far.awaitLink(device))
}

// keep makes this namespace live no shorter than another, whether anybody else
// still knows that one or not: the garbage collector closes what nobody knows,
// and what is plugged in stays.
func (n *Namespace) keep(other *Namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wired = append(n.wired, other)
}

// attach plugs a device of another namespace into the switch.
func (l *LAN) attach(far *Namespace, device string, mac pve.MAC) (*Cable, error) {
	l.mu.Lock()
	l.ports++
	port := fmt.Sprintf("port%d", l.ports)
	l.mu.Unlock()
	if err := l.sw.plug(switchName, port, far, device, mac); err != nil {
		return nil, err
	}
	return &Cable{sw: l.sw, port: port}, nil
}

// Host plugs in a real host: a kernel with its own MAC, which answers for
// its addresses as every Linux does.
func (l *LAN) Host(mac pve.MAC, addrs ...netip.Prefix) (*Host, error) {
	h, err := newHost(mac)
	if err != nil {
		return nil, err
	}
	if _, err := l.attach(h.Namespace, hostDevice, mac); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	for _, a := range addrs {
		if err := h.AddAddr(hostDevice, a); err != nil {
			return nil, errors.Join(err, h.Close())
		}
	}
	return h, nil
}

// Close takes the switch and its strangers away; hosts and nodes lose their
// carrier.
func (l *LAN) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hub != nil {
		l.hub.close()
		l.hub = nil
	}
	// Not left to the kernel, which takes its time to clear a namespace.
	return errors.Join(l.sw.Remove(switchName), l.sw.Close())
}

// unlikeIndex numbers one end of a cable unlike the other will be: when they
// are numbered alike in their namespaces the kernel takes them for one device
// and lets up to a second pass before it tells anybody of the link
// (net/core/link_watch.c, linkwatch_urgent_event).
func unlikeIndex() int { return 1<<20 + rand.IntN(1<<30) }

// RandomMAC returns an address with the prefix that Proxmox gives its guests.
func RandomMAC() pve.MAC {
	r := rand.Uint32()
	return pve.MAC{0xbc, 0x24, 0x11, byte(r >> 16), byte(r >> 8), byte(r)}
}

// portMAC returns an address as Proxmox gives the host's end of a guest's
// cable: so high that no bridge takes it for its own
// (PVE::Network, veth_create).
func portMAC() pve.MAC {
	m := RandomMAC()
	m[0], m[1], m[2] = 0xfe, byte(rand.Uint32()), byte(rand.Uint32())
	return m
}

func hardware(m pve.MAC) net.HardwareAddr { return net.HardwareAddr(m[:]) }
