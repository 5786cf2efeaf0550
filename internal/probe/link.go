package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// link is what an RTM_NEWLINK message says that matters here. Its attributes
// are read by hand: the netlink package leaves the port's state out.
type link struct {
	port
	master int
	kind   string
	mac    pve.MAC
	mtu    uint32
	up     bool
	// Somebody wants to see all that the device gets.
	promiscuous bool
	over        int // the device that a VLAN device lies on
	vlan        uint16
	// Of a bridge:
	aware bool   // it keeps VLANs apart
	stp   bool   // spanning tree decides which port forwards
	pvid  uint16 // the VLAN of a port that nobody put elsewhere
}

var errShort = errors.New("a truncated message from the kernel")

// parseLink reads an interface message (rtnetlink(7)).
func parseLink(b []byte) (link, error) {
	if len(b) < unix.SizeofIfInfomsg {
		return link{}, errShort
	}
	msg := nl.DeserializeIfInfomsg(b)
	attrs, err := nl.ParseRouteAttr(b[unix.SizeofIfInfomsg:])
	if err != nil {
		return link{}, err
	}
	l := link{up: msg.Flags&unix.IFF_UP != 0}
	l.index = int(msg.Index)
	for _, a := range attrs {
		switch v := a.Value; attrType(a) {
		case unix.IFLA_IFNAME:
			l.name = string(bytes.TrimRight(v, "\x00"))
		case unix.IFLA_ADDRESS:
			copy(l.mac[:], v)
		case unix.IFLA_MASTER:
			l.master = int(number(v))
		case unix.IFLA_MTU:
			l.mtu = number(v)
		case unix.IFLA_LINK:
			l.over = int(number(v))
		case unix.IFLA_PROMISCUITY:
			l.promiscuous = number(v) != 0
		case unix.IFLA_CARRIER:
			l.carrier = l.up && number(v) != 0
		case unix.IFLA_CARRIER_CHANGES:
			l.flaps = number(v)
		case unix.IFLA_LINKINFO:
			err = errors.Join(err, l.parseInfo(v))
		}
	}
	return l, err
}

// parseInfo reads what kind of device it is, and of a bridge port its state.
func (l *link) parseInfo(b []byte) error {
	info, err := nl.ParseRouteAttr(b)
	if err != nil {
		return err
	}
	slave := ""
	for _, a := range info {
		switch v := a.Value; attrType(a) {
		case nl.IFLA_INFO_KIND:
			l.kind = string(bytes.TrimRight(v, "\x00"))
		case nl.IFLA_INFO_SLAVE_KIND:
			slave = string(bytes.TrimRight(v, "\x00"))
		case nl.IFLA_INFO_DATA:
			err = errors.Join(err, l.parseData(v))
		case nl.IFLA_INFO_SLAVE_DATA:
			if slave == "bridge" {
				err = errors.Join(err, l.parsePort(v))
			}
		}
	}
	return err
}

// parseData reads what is particular to bridges and to VLAN devices; the kind
// comes before it.
func (l *link) parseData(b []byte) error {
	if l.kind != "bridge" && l.kind != "vlan" {
		return nil
	}
	attrs, err := nl.ParseRouteAttr(b)
	for _, a := range attrs {
		v, kind := a.Value, attrType(a)
		switch {
		case l.kind == "vlan" && kind == nl.IFLA_VLAN_ID:
			l.vlan = uint16(number(v))
		case l.kind == "vlan":
		case kind == nl.IFLA_BR_STP_STATE:
			l.stp = number(v) != 0
		case kind == nl.IFLA_BR_VLAN_FILTERING:
			l.aware = number(v) != 0
		case kind == nl.IFLA_BR_VLAN_DEFAULT_PVID:
			l.pvid = uint16(number(v))
		}
	}
	return err
}

func (l *link) parsePort(b []byte) error {
	attrs, err := nl.ParseRouteAttr(b)
	for _, a := range attrs {
		switch v := a.Value; attrType(a) {
		case nl.IFLA_BRPORT_STATE:
			l.state = uint8(number(v))
		case nl.IFLA_BRPORT_NEIGH_SUPPRESS:
			l.suppress = number(v) != 0
		}
	}
	return err
}

// attrType is an attribute's type without the flags beside it (linux/netlink.h,
// NLA_TYPE_MASK).
func attrType(a syscall.NetlinkRouteAttr) uint16 {
	return a.Attr.Type &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
}

// number reads an attribute of one to four bytes in the machine's order.
func number(b []byte) uint32 {
	switch {
	case len(b) >= 4:
		return binary.NativeEndian.Uint32(b)
	case len(b) >= 2:
		return uint32(binary.NativeEndian.Uint16(b))
	case len(b) >= 1:
		return uint32(b[0])
	}
	return 0
}
