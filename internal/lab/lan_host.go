package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Host is a machine with one network device, eth0: a guest, or a stranger on
// the LAN. A kernel speaks for it.
type Host struct {
	*Namespace
	MAC pve.MAC
}

// hostDevice is the only device of a Host.
const hostDevice = "eth0"

func newHost(mac pve.MAC) (*Host, error) {
	ns, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	return &Host{Namespace: ns, MAC: mac}, nil
}

// Configure gives eth0 this address and no other, and, unless gateway is
// invalid, the default route.
func (h *Host) Configure(addr netip.Prefix, gateway netip.Addr) error {
	link, err := h.links.LinkByName(hostDevice)
	if err != nil {
		return fmt.Errorf("interface %s: %w", hostDevice, err)
	}
	old, err := h.links.AddrList(link, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("addresses of %s: %w", hostDevice, err)
	}
	for _, a := range old {
		if err := h.links.AddrDel(link, &a); err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	if err := h.AddAddr(hostDevice, addr); err != nil || !gateway.IsValid() {
		return err
	}
	return h.route(link, gateway)
}

// route sets the default route; the gateway may lie outside of the subnet.
func (h *Host) route(link netlink.Link, gateway netip.Addr) error {
	err := h.links.RouteReplace(&netlink.Route{
		LinkIndex: link.Attrs().Index,
		Gw:        net.IP(gateway.AsSlice()),
		Flags:     int(netlink.FLAG_ONLINK),
	})
	if err != nil {
		return fmt.Errorf("default route by %s: %w", gateway, err)
	}
	return nil
}

// Resolve asks the wire for the MAC of an IPv4 address, as the host does
// before it sends a packet there: the proof that both can talk. It asks until
// there is an answer or ctx ends.
func (h *Host) Resolve(ctx context.Context, addr netip.Addr) (pve.MAC, error) {
	link, err := h.links.LinkByName(hostDevice)
	if err != nil {
		return pve.MAC{}, fmt.Errorf("interface %s: %w", hostDevice, err)
	}
	entry := netlink.Neigh{LinkIndex: link.Attrs().Index, IP: net.IP(addr.AsSlice())}
	_ = h.links.NeighDel(&entry) // what was known before proves nothing; mostly there is none
	for {
		if err := h.Do(func() error { return knock(addr) }); err != nil {
			return pve.MAC{}, err
		}
		mac, err := h.neighbour(link, addr)
		if err != nil || !mac.IsZero() {
			return mac, err
		}
		select {
		case <-ctx.Done():
			return pve.MAC{}, fmt.Errorf("no answer from %s: %w", addr, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// knock makes the kernel look for a neighbour by sending it an empty
// datagram.
func knock(addr netip.Addr) error {
	const discard = 9
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, discard)))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(nil); err != nil && !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EHOSTUNREACH) {
		return err
	}
	return nil
}

// Believe puts a MAC for an address into the neighbour table, as a host has it
// that has just talked to it.
func (h *Host) Believe(addr netip.Addr, mac pve.MAC) error {
	link, err := h.links.LinkByName(hostDevice)
	if err != nil {
		return fmt.Errorf("interface %s: %w", hostDevice, err)
	}
	return h.links.NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, IP: net.IP(addr.AsSlice()), HardwareAddr: hardware(mac),
		State: netlink.NUD_STALE, Family: family(addr),
	})
}

// Tell puts a neighbour into the table as a routing daemon does that heard of
// it from another node.
func (n *Namespace) Tell(device string, addr netip.Addr, mac pve.MAC) error {
	link, err := n.links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("interface %s: %w", device, err)
	}
	return n.links.NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, IP: net.IP(addr.AsSlice()), HardwareAddr: hardware(mac),
		State: netlink.NUD_NOARP, Flags: netlink.NTF_EXT_LEARNED, Family: family(addr),
	})
}

// Cached is the MAC that the neighbour table has for an address; zero: none.
func (h *Host) Cached(addr netip.Addr) (pve.MAC, error) {
	link, err := h.links.LinkByName(hostDevice)
	if err != nil {
		return pve.MAC{}, fmt.Errorf("interface %s: %w", hostDevice, err)
	}
	return h.neighbour(link, addr)
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// neighbour reads the kernel's neighbour table; the zero MAC means that the
// address is not resolved.
func (h *Host) neighbour(link netlink.Link, addr netip.Addr) (pve.MAC, error) {
	table, err := h.links.NeighList(link.Attrs().Index, family(addr))
	if err != nil {
		return pve.MAC{}, fmt.Errorf("neighbour table: %w", err)
	}
	for _, n := range table {
		if a, _ := netip.AddrFromSlice(n.IP); a.Unmap() == addr && len(n.HardwareAddr) == 6 {
			return pve.MAC(n.HardwareAddr), nil
		}
	}
	return pve.MAC{}, nil
}
