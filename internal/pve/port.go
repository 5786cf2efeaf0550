package pve

import (
	"fmt"
	"strconv"
	"strings"
)

// PortName is what Proxmox calls the device of a guest's NIC on its node.
func PortName(o Owner) string {
	if o.Kind == VM {
		return fmt.Sprintf("tap%si%d", o.VMID, o.NIC)
	}
	return fmt.Sprintf("veth%si%d", o.VMID, o.NIC)
}

// PortOwner tells by its name whose interface is plugged into a bridge port of
// a node: a container's veth<vmid>i<n>, a VM's tap<vmid>i<n>, and for both,
// behind the firewall's own bridge, fwpr<vmid>p<n> and fwln<vmid>i<n>, which
// may end in o<n> (PVE::LXC, PVE::QemuServer, PVE::Network). The kind is known
// only of veth and tap; sure is false when a firewall hides it. Written by
// hand: a start looks at every port of its bridge, and a regular expression
// would be compiled for that first.
func PortOwner(port string) (o Owner, sure, ok bool) {
	for _, p := range [...]struct {
		prefix string
		before string // what may stand between VMID and interface
		kind   Kind
		sure   bool
	}{
		{"veth", "i", Container, true},
		{"tap", "i", VM, true},
		{"fwpr", "p", Container, false},
		{"fwln", "io", Container, false},
	} {
		rest, found := strings.CutPrefix(port, p.prefix)
		if i := strings.IndexAny(rest, p.before); found && i > 0 {
			id, err := ParseVMID(rest[:i])
			n, nerr := strconv.ParseUint(rest[i+1:], 10, 8)
			if err == nil && nerr == nil && n < 100 {
				return Owner{Kind: p.kind, VMID: id, NIC: int(n)}, p.sure, true
			}
		}
	}
	return Owner{}, false, false
}
