package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Device is what the kernel says of an interface.
type Device struct {
	Index, Master        int
	Name, Kind           string
	Hardware             []byte // its address
	Up, Carrier          bool
	STP, VLAN            bool // of a bridge
	Forwarding, Suppress bool // of a bridge's port
}

// skipStats keeps the kernel from counting what every interface has done
// (linux/rtnetlink.h, RTEXT_FILTER_SKIP_STATS).
const skipStats = 1 << 3

// ListDevices asks the kernel for the interfaces of a kind, or all, in the
// network namespace of the calling thread.
func ListDevices(kind string) ([]Device, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	if kind != "" {
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated(kind))
		req.AddData(info)
	}
	replies, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	all := make([]Device, 0, len(replies))
	for _, r := range replies {
		// A kernel without the module for a kind doesn't sift by it.
		if d, err := parseDevice(r); err == nil && (kind == "" || d.Kind == kind) {
			all = append(all, d)
		}
	}
	return all, nil
}

// parseDevice reads an interface message (rtnetlink(7)). What a bridge and its
// ports say of spanning tree the netlink package leaves out.
func parseDevice(b []byte) (d Device, err error) {
	if len(b) < unix.SizeofIfInfomsg {
		return d, fmt.Errorf("%d bytes are no interface", len(b))
	}
	msg := nl.DeserializeIfInfomsg(b)
	d.Index, d.Up = int(msg.Index), msg.Flags&unix.IFF_UP != 0
	err = attributes(b[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			d.Name = cstring(v)
		case unix.IFLA_ADDRESS:
			d.Hardware = v
		case unix.IFLA_MASTER:
			d.Master = number(v)
		case unix.IFLA_CARRIER:
			d.Carrier = number(v) != 0
		case unix.IFLA_LINKINFO:
			d.info(v)
		}
	})
	return d, err
}

// info reads what is special about the kind of device and of bridge port. The
// kinds' names come before their data.
func (d *Device) info(b []byte) {
	slave := ""
	_ = attributes(b, func(kind uint16, v []byte) {
		switch {
		case kind == nl.IFLA_INFO_KIND:
			d.Kind = cstring(v)
		case kind == nl.IFLA_INFO_SLAVE_KIND:
			slave = cstring(v)
		case kind == nl.IFLA_INFO_DATA && d.Kind == "bridge":
			_ = attributes(v, func(kind uint16, v []byte) {
				d.STP = d.STP || kind == nl.IFLA_BR_STP_STATE && number(v) != 0
				d.VLAN = d.VLAN || kind == nl.IFLA_BR_VLAN_FILTERING && number(v) != 0
			})
		case kind == nl.IFLA_INFO_SLAVE_DATA && slave == "bridge":
			_ = attributes(v, func(kind uint16, v []byte) {
				d.Forwarding = d.Forwarding || kind == nl.IFLA_BRPORT_STATE && number(v) == stateForwarding
				d.Suppress = d.Suppress || kind == nl.IFLA_BRPORT_NEIGH_SUPPRESS && number(v) != 0
			})
		}
	})
}

// stateForwarding is BR_STATE_FORWARDING (linux/if_bridge.h).
const stateForwarding = 3

// attributes shows each attribute (struct rtattr, padded to four bytes) without
// the flags beside its type (NLA_TYPE_MASK).
func attributes(b []byte, see func(kind uint16, value []byte)) error {
	for len(b) >= unix.SizeofRtAttr {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < unix.SizeofRtAttr || size > len(b) {
			return fmt.Errorf("an attribute of %d bytes in %d", size, len(b))
		}
		see(kind&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofRtAttr:size])
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}

func cstring(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

func number(b []byte) int {
	switch {
	case len(b) >= 4:
		return int(binary.NativeEndian.Uint32(b))
	case len(b) >= 1:
		return int(b[0])
	}
	return 0
}
