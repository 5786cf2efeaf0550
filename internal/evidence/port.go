package evidence

import (
	"regexp"
	"strconv"

	"pve-iplease/internal/lease"
)

// guestPort matches the names that Proxmox gives to what it plugs into a
// bridge for a guest's netN: a container's veth<vmid>i<n>, a VM's
// tap<vmid>i<n>, and for both, behind the firewall's own bridge,
// fwpr<vmid>p<n> and fwln<vmid>i<n> (PVE::LXC, PVE::QemuServer, PVE::Network).
var guestPort = regexp.MustCompile(`^(veth|tap|fwpr|fwln)([1-9][0-9]{2,8})[ipo]([0-9]{1,2})$`)

// PortOwner tells which guest's interface sits on a bridge port of this node,
// whatever its config says. The kind is known only of veth and tap; sure is
// false when a firewall hides it.
func PortOwner(port string) (o lease.Owner, sure, ok bool) {
	m := guestPort.FindStringSubmatch(port)
	if m == nil {
		return lease.Owner{}, false, false
	}
	id, err := lease.ParseVMID(m[2])
	n, nerr := strconv.Atoi(m[3])
	if err != nil || nerr != nil {
		return lease.Owner{}, false, false
	}
	o = lease.Owner{VMID: id, NIC: n}
	if m[1] == "tap" {
		o.Kind = lease.VM
	}
	return o, m[1] == "tap" || m[1] == "veth", true
}
