package probe

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// kernelBridge is a Linux bridge, looked at through a netlink socket that
// stays in the network namespace it was opened in.
type kernelBridge struct {
	index  int
	name   string
	self   link
	vlan   uint16 // that is asked, where the bridge keeps VLANs apart
	tag    uint16 // that is asked, where it does not
	socket *nl.NetlinkSocket
	// One handle for all requests: it counts them.
	handles map[int]*nl.SocketHandle
}

// openBridge finds a bridge by its name, and its MAC.
func openBridge(name string) (*kernelBridge, pve.MAC, error) {
	socket, err := nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, pve.MAC{}, fmt.Errorf("netlink: %w", err)
	}
	b := &kernelBridge{name: name, socket: socket, handles: map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}}
	l, err := b.link(0, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	switch {
	case errors.Is(err, unix.ENODEV):
		err = errNoBridge(name)
	case err != nil:
		err = fmt.Errorf("interface %s: %w", name, err)
	case l.kind == "openvswitch":
		err = switchError{l}
	case l.kind != "bridge":
		err = fmt.Errorf("%s is not a Linux bridge, so nobody can say what is plugged into it", name)
	}
	if err != nil {
		b.close()
		return nil, pve.MAC{}, err
	}
	b.index, b.self = l.index, l
	return b, l.mac, nil
}

// exists reports whether there is a device of a name on this node; what can't be
// told may be.
func (b *kernelBridge) exists(device string) bool {
	_, err := b.link(0, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(device)))
	return !errors.Is(err, unix.ENODEV)
}

func (b *kernelBridge) close() { b.socket.Close() }

// netInterface is the bridge as the packet package wants it.
func (b *kernelBridge) netInterface(mac pve.MAC) *net.Interface {
	return &net.Interface{Index: b.index, Name: b.name, HardwareAddr: mac[:]}
}

// look implements bridge. The ports come from the bridge's own short list; in
// the list of all interfaces each takes 1.5 kB, which is slow on a host with
// hundreds of guests. Only of the uplinks the rest is asked for.
func (b *kernelBridge) look() (view, error) {
	l, err := b.link(b.index)
	if errors.Is(err, unix.ENODEV) {
		return view{}, errNoBridge(b.name)
	}
	if err != nil {
		return view{}, fmt.Errorf("interface %s: %w", b.name, err)
	}
	v := view{bridge: b.name, mac: l.mac, up: l.up, vlan: b.vlan}
	v.ports, err = b.ports()
	if err != nil {
		return view{}, fmt.Errorf("ports of %s: %w", b.name, err)
	}
	for i, p := range v.ports {
		if p.guest() {
			continue
		}
		l, err := b.link(p.index)
		if errors.Is(err, unix.ENODEV) {
			l, err = link{port: p}, nil // gone since: without a link
		}
		if err != nil {
			return view{}, fmt.Errorf("port %s of %s: %w", p.name, b.name, err)
		}
		l.apart, l.native = p.apart, p.native
		v.ports[i] = l.port
	}
	return v, nil
}

// link asks for one interface by its index, or with index 0 by an attribute.
func (b *kernelBridge) link(index int, by ...*nl.RtAttr) (link, error) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	replies, err := b.ask(unix.RTM_GETLINK, 0, msg, by...)
	if err != nil {
		return link{}, err
	}
	if len(replies) != 1 {
		return link{}, fmt.Errorf("%d replies from the kernel", len(replies))
	}
	return parseLink(replies[0])
}

// ports lists index and name of what is plugged into the bridge.
func (b *kernelBridge) ports() ([]port, error) {
	ports, _, err := b.members()
	return ports, err
}

// members lists the ports, and how the bridge itself is in its VLAN.
func (b *kernelBridge) members() (ports []port, self membership, err error) {
	var attrs []*nl.RtAttr
	if b.vlan != 0 {
		attrs = append(attrs, nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(uint32(nl.RTEXT_FILTER_BRVLAN_COMPRESSED))))
	}
	replies, err := b.ask(unix.RTM_GETLINK, unix.NLM_F_DUMP, nl.NewIfInfomsg(unix.AF_BRIDGE), attrs...)
	if err != nil {
		return nil, self, err
	}
	for _, r := range replies {
		l, err := parseLink(r)
		if err != nil {
			return nil, self, err
		}
		if l.index != b.index && l.master != b.index {
			continue
		}
		m, err := memberOf(r, b.vlan)
		if err != nil {
			return nil, self, err
		}
		if l.index == b.index {
			self = m
			continue
		}
		ports = append(ports, port{index: l.index, name: l.name, apart: b.vlan != 0 && !m.in, native: b.vlan != 0 && m.untagged})
	}
	return ports, self, nil
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

// errNoBridge is the complaint about a name.
func errNoBridge(name string) error { return missingError(name) }

// switchError says that a bridge is one of Open vSwitch's.
type switchError struct{ device link }

func (e switchError) Error() string { return e.device.name + " is a bridge of Open vSwitch" }

// missingError names a bridge that does not exist.
type missingError string

func (e missingError) Error() string {
	return fmt.Sprintf("there is no bridge %s on this node", string(e))
}

// listen makes a port of a packet socket on a device of the bridge, or the
// bridge itself; tag is the VLAN of what is heard and sent there.
func (b *kernelBridge) listen(ifi *net.Interface, tag uint16, declared []string) (*Port, error) {
	s, err := listen(ifi, tag)
	if err != nil {
		return nil, err
	}
	// Beside the caller: the kernel takes some 15 ms for it.
	return b.port(s, pve.MAC(ifi.HardwareAddr), declared, func() { go s.conn.Close() }), nil
}

// hush is a port of a bridge with nothing plugged in: to plug in a first port
// would change the bridge's address, and nobody could answer.
func (b *kernelBridge) hush(declared []string) *Port {
	return b.port(hushWire{}, b.self.mac, declared, func() {})
}
