package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// bridges looks at the bridges of the pools that serve this node.
func (v *visit) bridges() {
	var names []string
	for _, p := range v.Pools {
		if p.Segment().On(v.Node) && !slices.Contains(names, p.Bridge) {
			names = append(names, p.Bridge)
		}
	}
	if len(names) == 0 {
		return
	}
	devices, err := listDevices("")
	addrs, _ := BridgeAddresses()
	for _, name := range names {
		b := Bridge{Name: name, Declared: v.node.DeclaredUplinks(name), Addrs: addrs[name]}
		if err != nil {
			b.Missing = fmt.Sprintf("the kernel doesn't say: %v", err)
		} else {
			b.take(devices)
		}
		v.Bridges = append(v.Bridges, b)
	}
}

// take finds the bridge among the node's devices, and its ports.
func (b *Bridge) take(all []device) {
	i := slices.IndexFunc(all, func(d device) bool { return d.name == b.Name })
	switch {
	case i < 0:
		b.Missing = "there is no such device on this node"
		return
	case all[i].kind == "openvswitch":
		b.Switch, b.Up, b.Declared = true, all[i].up, nil
		return
	case all[i].kind != "bridge":
		b.Missing = "it is no Linux bridge, and nobody can say what is plugged into it"
		return
	}
	d := all[i]
	b.Up, b.STP, b.VLAN = d.up, d.stp, d.vlan
	for _, p := range all {
		if _, _, guest := pve.PortOwner(p.name); p.master == d.index && !guest {
			b.Ports = append(b.Ports, Port{p.name, p.up && p.carrier, p.forwarding, p.suppress})
		}
	}
}

// device is what the kernel says of an interface.
type device struct {
	index, master        int
	name, kind           string
	hardware             []byte // its address
	up, carrier          bool
	stp, vlan            bool // of a bridge
	forwarding, suppress bool // of a bridge's port
}

// skipStats keeps the kernel from counting what every interface has done
// (linux/rtnetlink.h, RTEXT_FILTER_SKIP_STATS).
const skipStats = 1 << 3

// listDevices asks the kernel for the interfaces of a kind, or all, in the
// network namespace of the calling thread.
func listDevices(kind string) ([]device, error) {
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
	all := make([]device, 0, len(replies))
	for _, r := range replies {
		// A kernel without the module for a kind doesn't sift by it.
		if d, err := parseDevice(r); err == nil && (kind == "" || d.kind == kind) {
			all = append(all, d)
		}
	}
	return all, nil
}

// parseDevice reads an interface message (rtnetlink(7)). What a bridge and its
// ports say of spanning tree the netlink package leaves out.
func parseDevice(b []byte) (d device, err error) {
	if len(b) < unix.SizeofIfInfomsg {
		return d, fmt.Errorf("%d bytes are no interface", len(b))
	}
	msg := nl.DeserializeIfInfomsg(b)
	d.index, d.up = int(msg.Index), msg.Flags&unix.IFF_UP != 0
	err = attributes(b[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			d.name = cstring(v)
		case unix.IFLA_ADDRESS:
			d.hardware = v
		case unix.IFLA_MASTER:
			d.master = number(v)
		case unix.IFLA_CARRIER:
			d.carrier = number(v) != 0
		case unix.IFLA_LINKINFO:
			d.info(v)
		}
	})
	return d, err
}

// info reads what is special about the kind of device and of bridge port. The
// kinds' names come before their data.
func (d *device) info(b []byte) {
	slave := ""
	_ = attributes(b, func(kind uint16, v []byte) {
		switch {
		case kind == nl.IFLA_INFO_KIND:
			d.kind = cstring(v)
		case kind == nl.IFLA_INFO_SLAVE_KIND:
			slave = cstring(v)
		case kind == nl.IFLA_INFO_DATA && d.kind == "bridge":
			_ = attributes(v, func(kind uint16, v []byte) {
				d.stp = d.stp || kind == nl.IFLA_BR_STP_STATE && number(v) != 0
				d.vlan = d.vlan || kind == nl.IFLA_BR_VLAN_FILTERING && number(v) != 0
			})
		case kind == nl.IFLA_INFO_SLAVE_DATA && slave == "bridge":
			_ = attributes(v, func(kind uint16, v []byte) {
				d.forwarding = d.forwarding || kind == nl.IFLA_BRPORT_STATE && number(v) == stateForwarding
				d.suppress = d.suppress || kind == nl.IFLA_BRPORT_NEIGH_SUPPRESS && number(v) != 0
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

// vlans are the tags that this node's pools have on a bridge.
func (s *Setup) vlans(bridge string) (tags []uint16) {
	for _, p := range s.Pools {
		if p.Bridge == bridge && p.VLAN != 0 && p.Segment().On(s.Node) && !slices.Contains(tags, p.VLAN) {
			tags = append(tags, p.VLAN)
		}
	}
	return tags
}

// serving are the pools of this node, by a bridge or, without one, all.
func (s *Setup) serving(bridge string) (all []lease.Pool) {
	for _, p := range s.Pools {
		if (bridge == "" || p.Bridge == bridge) && p.Segment().On(s.Node) {
			all = append(all, p)
		}
	}
	return all
}
