package doctor

import (
	"fmt"
	"slices"

	"pve-iplease/internal/evidence"
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
	devices, err := evidence.ListDevices("")
	addrs, _ := evidence.BridgeAddresses()
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
func (b *Bridge) take(all []evidence.Device) {
	i := slices.IndexFunc(all, func(d evidence.Device) bool { return d.Name == b.Name })
	switch {
	case i < 0:
		b.Missing = "there is no such device on this node"
		return
	case all[i].Kind == "openvswitch":
		b.Switch, b.Up, b.Declared = true, all[i].Up, nil
		return
	case all[i].Kind != "bridge":
		b.Missing = "it is no Linux bridge, and nobody can say what is plugged into it"
		return
	}
	d := all[i]
	b.Up, b.STP, b.VLAN = d.Up, d.STP, d.VLAN
	for _, p := range all {
		if _, _, guest := pve.PortOwner(p.Name); p.Master == d.Index && !guest {
			b.Ports = append(b.Ports, Port{p.Name, p.Up && p.Carrier, p.Forwarding, p.Suppress})
		}
	}
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
