package probe

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Docker's macvlan and ipvlan networks lie on a bridge as children of its
// device (parent=vmbr0). They take what the device receives (net/core/dev.c,
// rx_handler), so they hear nothing that is sent on it, though the whole
// network talks to them. What comes in by a port of the bridge reaches them.

// untagged listens on the bridge itself, or where it may have children through
// a port of our own.
func (p Place) untagged(b *kernelBridge, declared []string) (*Port, error) {
	return p.onBridge(b, 0, declared)
}

// onBridge is the same for the frames of one VLAN, on a bridge that lets them
// pass as they are.
func (p Place) onBridge(b *kernelBridge, tag uint16, declared []string) (*Port, error) {
	unasked := ""
	if b.mayHaveChildren() {
		v, err := b.look()
		switch {
		case err != nil, len(v.ports) == 0: // a first port would change the bridge's address
		case b.self.stp:
			unasked = fmt.Sprintf("macvlan or ipvlan devices lie on %[1]s and hear only what comes by a port, which spanning tree would keep shut; turn STP off on %[1]s", b.name)
		case v.suppressed():
			unasked = fmt.Sprintf("macvlan or ipvlan devices lie on %[1]s and hear only what comes by a port, where neigh_suppress swallows it; lay them on a bridge of their own", b.name)
		default:
			return p.openTemporary(b, tag, declared)
		}
	}
	port, err := b.listen(b.netInterface(b.self.mac), tag, declared)
	if err == nil {
		port.unasked = unasked
	}
	return port, err
}

// mayHaveChildren tells what lies on the bridge in whatever network namespace.
// A macvlan device asks for frames to its own MAC, which makes a bridge
// promiscuous (net/core/dev_addr_lists.c, __dev_set_rx_mode); so does whoever
// captures packets there, which costs him nothing. An ipvlan device shares the
// bridge's MAC and shows only as one more that wants multicasts.
func (b *kernelBridge) mayHaveChildren() bool {
	if b.self.promiscuous {
		return true
	}
	_, err := os.Stat("/sys/module/ipvlan")
	return err == nil && b.sharesMulticasts()
}

// sharesMulticasts reports whether somebody beside the bridge itself wants to
// hear what is sent to all hosts (224.0.0.1): a device that lies on it. What
// can't be read may be so.
func (b *kernelBridge) sharesMulticasts() bool {
	const allHosts = "01005e000001"
	f, err := os.Open("/proc/thread-self/net/dev_mcast") // the thread's own namespace
	if err != nil {
		return true
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// Index, name, users, users that want it for themselves, address.
		w := strings.Fields(lines.Text())
		if len(w) == 5 && w[0] == strconv.Itoa(b.index) && w[4] == allHosts {
			return w[2] != "1"
		}
	}
	return lines.Err() != nil
}

// lodges reports whether a host sits on the bridge itself: this node, an ipvlan
// device, which has the same MAC, or a macvlan device, whose MAC is among those
// that the bridge listens to (ndo_dflt_fdb_dump).
func (b *kernelBridge) lodges(mac pve.MAC) bool {
	if mac == b.self.mac {
		return true
	}
	msg := netlink.Ndmsg{Family: unix.AF_BRIDGE, Index: uint32(b.index)}
	entries, err := b.ask(unix.RTM_GETNEIGH, unix.NLM_F_DUMP, &msg)
	return err == nil && slices.ContainsFunc(entries, func(e []byte) bool {
		n, err := netlink.NeighDeserialize(e)
		return err == nil && n.LinkIndex == b.index && n.Flags&netlink.NTF_SELF != 0 && pve.MAC(n.HardwareAddr) == mac
	})
}

// itself names the bridge for a host that lies on it, whose frames come in by no
// port; empty: it doesn't.
func (p *Port) itself(mac pve.MAC) string {
	if b, ok := p.bridge.(interface{ lodges(pve.MAC) bool }); ok && b.lodges(mac) {
		return p.name
	}
	return ""
}
