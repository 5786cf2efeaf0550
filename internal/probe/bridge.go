package probe

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lease"
)

// kernelBridge is a Linux bridge, looked at through a netlink socket that
// stays in the network namespace it was opened in.
type kernelBridge struct {
	index  int
	name   string
	socket *nl.NetlinkSocket
	// One handle for all requests: it counts them.
	handles map[int]*nl.SocketHandle
}

// openBridge finds a bridge by its name.
func openBridge(name string) (*kernelBridge, view, error) {
	socket, err := nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, view{}, fmt.Errorf("netlink: %w", err)
	}
	b := &kernelBridge{name: name, socket: socket, handles: map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}}
	l, err := b.link(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	if err != nil {
		b.close()
		return nil, view{}, err
	}
	if l.kind != "bridge" {
		b.close()
		return nil, view{}, fmt.Errorf("%s is not a Linux bridge, so nobody can say what is plugged into it", name)
	}
	b.index = l.index
	return b, view{bridge: name, mac: l.mac, up: l.up}, nil
}

func (b *kernelBridge) close() { b.socket.Close() }

// netInterface is the bridge as the packet package wants it.
func (b *kernelBridge) netInterface(mac lease.MAC) *net.Interface {
	return &net.Interface{Index: b.index, Name: b.name, HardwareAddr: mac[:]}
}

// link asks for the one interface that the attribute names, or for ours.
func (b *kernelBridge) link(by ...*nl.RtAttr) (link, error) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(b.index)
	replies, err := b.ask(unix.RTM_GETLINK, 0, msg, by...)
	if errors.Is(err, unix.ENODEV) {
		return link{}, fmt.Errorf("there is no bridge %s on this node", b.name)
	}
	if err != nil || len(replies) != 1 {
		return link{}, fmt.Errorf("interface %s: %w", b.name, errors.Join(err, errReplies(len(replies))))
	}
	return parseLink(replies[0])
}

// look implements bridge: the bridge itself, then its ports alone, which the
// kernel picks out of what may be hundreds of interfaces.
func (b *kernelBridge) look() (view, error) {
	l, err := b.link()
	if err != nil {
		return view{}, err
	}
	v := view{bridge: b.name, mac: l.mac, up: l.up}
	replies, err := b.ask(unix.RTM_GETLINK, unix.NLM_F_DUMP, nl.NewIfInfomsg(unix.AF_UNSPEC),
		nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(b.index))))
	if err != nil {
		return view{}, fmt.Errorf("ports of %s: %w", b.name, err)
	}
	for _, r := range replies {
		l, err := parseLink(r)
		if err != nil {
			return view{}, fmt.Errorf("ports of %s: %w", b.name, err)
		}
		if l.master == b.index {
			v.ports = append(v.ports, l.port)
		}
	}
	return v, nil
}

// locate implements bridge: one entry of the forwarding table, which may have
// tens of thousands (rtnl_fdb_get, since Linux 5.0). On a VLAN-aware bridge
// untagged hosts are filed under VLAN 1.
func (b *kernelBridge) locate(mac lease.MAC) int {
	for vlan := range uint16(2) {
		attrs := []*nl.RtAttr{
			nl.NewRtAttr(netlink.NDA_LLADDR, mac[:]),
			nl.NewRtAttr(netlink.NDA_MASTER, nl.Uint32Attr(uint32(b.index))),
		}
		if vlan != 0 {
			attrs = append(attrs, nl.NewRtAttr(netlink.NDA_VLAN, nl.Uint16Attr(vlan)))
		}
		replies, err := b.ask(unix.RTM_GETNEIGH, 0, &netlink.Ndmsg{Family: unix.AF_BRIDGE}, attrs...)
		if err != nil || len(replies) != 1 {
			continue // unknown, or aged: the port is a courtesy
		}
		if entry, err := netlink.NeighDeserialize(replies[0]); err == nil {
			return entry.LinkIndex
		}
	}
	return 0
}

// ask sends one request and returns the replies. A dump that the kernel says
// was interrupted by a change is repeated.
func (b *kernelBridge) ask(kind, flags int, msg nl.NetlinkRequestData, attrs ...*nl.RtAttr) (replies [][]byte, err error) {
	for range 3 {
		req := nl.NewNetlinkRequest(kind, flags)
		req.Sockets = b.handles
		req.AddData(msg)
		for _, a := range attrs {
			req.AddData(a)
		}
		replies, err = req.Execute(unix.NETLINK_ROUTE, 0)
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			break
		}
	}
	return replies, err
}

// errReplies is the complaint about a kernel that answers more or less often
// than asked.
type errReplies int

func (n errReplies) Error() string { return fmt.Sprintf("%d replies from the kernel", int(n)) }
