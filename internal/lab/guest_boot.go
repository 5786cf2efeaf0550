package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// gatewayPatience is how long a booting guest asks for its gateway.
const gatewayPatience = 2 * time.Second

// Guest is a booted container: a host of its own behind a port of a bridge,
// with the address that its config named when it booted.
type Guest struct {
	*Host
	ID         pve.VMID
	Gateway    netip.Addr // invalid: none
	GatewayMAC pve.MAC    // who answered for the gateway
	Err        error      // why its network is not right: no answer from the gateway

	node *Node
}

// boot plugs a container in and configures eth0. The address is what the
// config says now; the MAC is from the config of before the hook, since
// Proxmox hands it to LXC in a file that it writes earlier.
func boot(ctx context.Context, node *Node, id pve.VMID, conf *GuestConfig, mac pve.MAC) (*Guest, error) {
	net0 := conf.Net("net0")
	if net0["tag"] != "" {
		return nil, fmt.Errorf("CT %s: the lab has no VLANs", id)
	}
	h, err := node.Plug(net0["bridge"], GuestPort(id, 0), mac)
	if err != nil {
		return nil, err
	}
	g := &Guest{Host: h, ID: id, node: node}
	if err := g.configure(ctx, net0); err != nil {
		return nil, errors.Join(err, g.unplug())
	}
	return g, nil
}

// configure is the guest's own network setup. It runs no DHCP client: with
// ip=dhcp, as with ip=manual, the guest has no address.
func (g *Guest) configure(ctx context.Context, net0 Net) error {
	switch net0["ip"] {
	case "", "manual", "dhcp":
		return nil
	}
	addr, err := netip.ParsePrefix(net0["ip"])
	if err != nil {
		return err
	}
	if gw := net0["gw"]; gw != "" {
		if g.Gateway, err = netip.ParseAddr(gw); err != nil {
			return err
		}
	}
	if err := g.Configure(addr, g.Gateway); err != nil || !g.Gateway.IsValid() {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, gatewayPatience)
	defer cancel()
	g.GatewayMAC, g.Err = g.Resolve(ctx, g.Gateway)
	return nil
}

// Address is the IPv4 address that eth0 really has, invalid if none.
func (g *Guest) Address() (netip.Prefix, error) {
	link, err := g.links.LinkByName(hostDevice)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("interface %s: %w", hostDevice, err)
	}
	list, err := g.links.AddrList(link, unix.AF_INET)
	if err != nil || len(list) == 0 {
		return netip.Prefix{}, err
	}
	bits, _ := list[0].Mask.Size()
	addr, _ := netip.AddrFromSlice(list[0].IP.To4())
	return netip.PrefixFrom(addr, bits), nil
}

// Reach proves that the guest can talk to another, and to nobody else under
// that address.
func (g *Guest) Reach(ctx context.Context, other *Guest) error {
	addr, err := other.Address()
	if err != nil {
		return err
	}
	mac, err := g.Resolve(ctx, addr.Addr())
	if err != nil {
		return err
	}
	if mac != other.MAC {
		return fmt.Errorf("%s answers for %s, which is CT %s with %s", mac, addr.Addr(), other.ID, other.MAC)
	}
	return nil
}

// unplug takes the guest off its bridge at once; the kernel alone would take
// its time.
func (g *Guest) unplug() error {
	return errors.Join(g.node.Remove(GuestPort(g.ID, 0)), g.Close())
}
