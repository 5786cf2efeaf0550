package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"

	"pve-iplease/internal/pve"
)

// Interface is the device as the namespace sees it.
func (n *Namespace) Interface(name string) (*net.Interface, error) {
	link, err := n.links.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	a := link.Attrs()
	return &net.Interface{Index: a.Index, MTU: a.MTU, Name: a.Name, HardwareAddr: a.HardwareAddr, Flags: a.Flags}, nil
}

// SetUp turns a device on or off.
func (n *Namespace) SetUp(name string, up bool) error {
	link, err := n.links.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	if up {
		return n.links.LinkSetUp(link)
	}
	return n.links.LinkSetDown(link)
}

// awaitLink waits until a device that has been plugged in can carry frames.
// The kernel tells a bridge so a little later, and what is sent before gets
// lost.
func (n *Namespace) awaitLink(name string) error {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		link, err := n.links.LinkByName(name)
		if err != nil {
			return fmt.Errorf("interface %s: %w", name, err)
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
	}
	return fmt.Errorf("interface %s gets no link", name)
}

// DisableIPv6 silences what IPv6 does by itself on every device: with hundreds
// of them it keeps the kernel busy for seconds.
func (n *Namespace) DisableIPv6() error {
	return n.Do(func() error {
		for _, conf := range []string{"all", "default"} {
			// The thread's own namespace, by the rules of /proc/sys/net.
			err := os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/disable_ipv6", []byte("1"), 0o644)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("IPv6 off: %w", err)
			}
		}
		return nil
	})
}

// SetMAC gives a device another hardware address.
func (n *Namespace) SetMAC(name string, mac pve.MAC) error {
	link, err := n.links.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	return n.links.LinkSetHardwareAddr(link, hardware(mac))
}

// Remove deletes a device; of a veth pair the other end goes too.
func (n *Namespace) Remove(name string) error {
	link, err := n.links.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	return n.links.LinkDel(link)
}
