package probe

import (
	"fmt"
	"net"
	"slices"

	"pve-iplease/internal/pve"
)

// ovsBridge is an Open vSwitch bridge, looked at through its database.
type ovsBridge struct {
	name string
	vlan uint16
	db   string // the database's socket
}

// ovsDatabase is where Open vSwitch's database listens (ovsdb-server(1)).
const ovsDatabase = "/run/openvswitch/db.sock"

// openSwitch asks on a bridge of Open vSwitch, from the bridge's own device:
// that is a port as any other, and takes tagged frames in every VLAN that it
// is not kept out of. No port is made, so none can be left behind.
func (p Place) openSwitch(device link, declared []string) (*Port, error) {
	b := &ovsBridge{name: p.Bridge, vlan: p.Tag, db: ovsDatabase}
	s, err := readSwitch(b.db, b.name)
	if err != nil {
		return nil, err
	}
	tag, err := s.ownPort(p)
	if err != nil {
		return nil, err
	}
	w, err := listen(&net.Interface{Index: device.index, Name: device.name, HardwareAddr: device.mac[:]}, tag)
	if err != nil {
		return nil, err
	}
	closed, _ := s.view(p.Bridge, p.Tag).judge(declared)
	return &Port{
		name: b.name, mac: device.mac, bridgeMAC: device.mac, declared: declared, closed: closed,
		wire: w, bridge: b, off: deviate,
		close: func() { go w.conn.Close() },
	}, nil
}

// ownPort finds how the VLAN's frames look on the bridge's own device: the tag
// that they carry there, 0 for none.
func (s ovsSwitch) ownPort(p Place) (tag uint16, err error) {
	i := slices.IndexFunc(s.ports, func(o ovsPort) bool { return o.name == p.Bridge })
	if i < 0 {
		return 0, fmt.Errorf("%s has no port of its own in Open vSwitch", p.Bridge)
	}
	own := s.ports[i]
	switch {
	case !own.carries(p.Tag):
		return 0, fmt.Errorf("VLAN %d of %s can't be asked: the bridge's own port is kept to VLAN %d; put the host's address on an OVSIntPort and take 'tag' off %s",
			p.Tag, p.Bridge, own.tag, p.Bridge)
	case own.access() && own.tag == p.Tag || own.mode == "native-untagged" && own.tag == p.Tag:
		return 0, nil
	}
	return p.Tag, nil
}

// look implements bridge.
func (b *ovsBridge) look() (view, error) {
	s, err := readSwitch(b.db, b.name)
	if err != nil {
		return view{}, err
	}
	return s.view(b.name, b.vlan), nil
}

// exists reports whether a device of a name is plugged in.
func (b *ovsBridge) exists(device string) bool {
	s, err := readSwitch(b.db, b.name)
	return err != nil || slices.ContainsFunc(s.ports, func(p ovsPort) bool { return p.name == device })
}

// view shows the ports that may lead out of this host, and the guests'. What
// the host itself has plugged in (type internal) is neither.
func (s ovsSwitch) view(bridge string, vlan uint16) view {
	v := view{bridge: bridge, vlan: vlan}
	for _, p := range s.ports {
		out, inside := port{name: p.name, state: p.state, apart: !p.carries(vlan)}, true
		for _, i := range p.interfaces { // several make a bond
			if p.name == bridge {
				v.mac, v.up = i.mac, i.up
			}
			out.index, out.flaps = i.number, out.flaps+i.resets
			out.carrier = out.carrier || i.up && i.link
			inside = inside && i.kind == "internal"
		}
		if !inside {
			v.ports = append(v.ports, out)
		}
	}
	return v
}

// ovsPort is a row of the table Port with its interfaces.
type ovsPort struct {
	name       string
	mode       string
	tag        uint16
	tagged     bool // tag is set
	trunks     []uint16
	state      uint8
	interfaces []ovsInterface
}

// access reports whether the port is in one VLAN alone, untagged
// (ovs-vswitchd.conf.db(5), vlan_mode).
func (p ovsPort) access() bool { return p.tagged && (p.mode == "" || p.mode == "access") }

// carries reports whether frames of a VLAN pass the port, 0 for those of none.
func (p ovsPort) carries(vlan uint16) bool {
	switch {
	case p.access():
		return vlan == p.tag
	case p.tagged && vlan == p.tag: // native
		return true
	}
	return len(p.trunks) == 0 || slices.Contains(p.trunks, vlan)
}

// ovsInterface is a row of the table Interface.
type ovsInterface struct {
	number int // of OpenFlow; it stays as long as the port does
	kind   string
	mac    pve.MAC
	up     bool
	link   bool
	resets uint32
}
