package probe

import (
	"encoding/binary"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// membership says how a port, or the bridge itself, is in a VLAN.
type membership struct {
	in       bool
	untagged bool // in it, and what comes in untagged belongs to it
}

// memberOf reads from a message of family AF_BRIDGE how its device is in a
// VLAN (linux/if_bridge.h, struct bridge_vlan_info).
func memberOf(msg []byte, vlan uint16) (m membership, err error) {
	if len(msg) < unix.SizeofIfInfomsg {
		return m, errShort
	}
	attrs, err := nl.ParseRouteAttr(msg[unix.SizeofIfInfomsg:])
	if err != nil {
		return m, err
	}
	for _, a := range attrs {
		if attrType(a) != unix.IFLA_AF_SPEC {
			continue
		}
		infos, err := nl.ParseRouteAttr(a.Value)
		if err != nil {
			return m, err
		}
		first := uint16(0)
		for _, i := range infos {
			if attrType(i) != nl.IFLA_BRIDGE_VLAN_INFO || len(i.Value) < 4 {
				continue
			}
			flags, id := binary.NativeEndian.Uint16(i.Value), binary.NativeEndian.Uint16(i.Value[2:])
			if flags&nl.BRIDGE_VLAN_INFO_RANGE_BEGIN != 0 {
				first = id
				continue
			}
			if flags&nl.BRIDGE_VLAN_INFO_RANGE_END == 0 {
				first = id
			}
			if first <= vlan && vlan <= id {
				const own = nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED
				return membership{in: true, untagged: flags&own == own}, nil
			}
		}
	}
	return m, nil
}
