package lab

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Cable leads from a port of a LAN's switch to a node's uplink.
type Cable struct {
	sw   *Namespace
	port string
}

// Pull unplugs the cable at the switch: the far end loses its carrier.
func (c *Cable) Pull() error { return c.sw.SetUp(c.port, false) }

// Push plugs it in again.
func (c *Cable) Push() error {
	if err := c.sw.SetUp(c.port, true); err != nil {
		return err
	}
	return c.sw.awaitLink(c.port)
}

// Learn makes the switch port behave as one that spanning tree has just
// brought up: carrier, but no frame passes.
func (c *Cable) Learn() error { return c.sw.SetPortState(c.port, PortLearning) }

// Forward ends what Learn began.
func (c *Cable) Forward() error { return c.sw.SetPortState(c.port, PortForwarding) }

// PortState is the state of a bridge port (IEEE 802.1D, linux/if_bridge.h,
// BR_STATE_*).
type PortState uint8

// The states that a port keeps when told; without spanning tree the kernel
// turns blocking into forwarding at once.
const (
	PortDisabled PortState = iota
	PortListening
	PortLearning
	PortForwarding
)

// SetPortState sets what spanning tree would decide for a bridge port; the
// kernel allows it to others while its own spanning tree is off.
func (n *Namespace) SetPortState(port string, state PortState) error {
	return n.setPort(port, nl.IFLA_BRPORT_STATE, uint8(state))
}

// SetNeighSuppress sets whether the bridge answers ARP in place of what is
// behind the port, as EVPN zones do.
func (n *Namespace) SetNeighSuppress(port string, on bool) error {
	value := uint8(0)
	if on {
		value = 1
	}
	return n.setPort(port, nl.IFLA_BRPORT_NEIGH_SUPPRESS, value)
}

// setPort sets one attribute of a bridge port (rtnetlink, RTM_SETLINK).
func (n *Namespace) setPort(port string, attr int, value uint8) error {
	link, err := n.links.LinkByName(port)
	if err != nil {
		return fmt.Errorf("port %s: %w", port, err)
	}
	return n.Do(func() error {
		msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
		msg.Index = int32(link.Attrs().Index)
		info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
		info.AddRtAttr(attr, []byte{value})
		req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
		req.AddData(msg)
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return os.NewSyscallError("setlink "+port, err)
	})
}
