package lease

import (
	"net/netip"

	"pve-iplease/internal/pve"
)

// Where tells which part of a guest's config names an address, if one does.
type Where uint8

// Of a config only the running and the pending part make an address taken.
const (
	Running Where = iota
	Pending
	Snapshot
	SDN    // Proxmox's SDN has given the address to the guest
	Router // it is a gateway of Proxmox's SDN
)

func (w Where) String() string {
	return [...]string{"running", "pending", "snapshot", "SDN", "SDN's gateway"}[w]
}

// Use is one place in one guest's config that names an address, or an entry of
// Proxmox's SDN.
type Use struct {
	Addr    netip.Addr
	Owner   pve.Owner
	Segment pve.Segment // bridge and tag of that NIC, on that guest's node; zero Bridge: unknown, counts everywhere
	Where   Where
}

// Guest is what the inventory knows of a guest as a whole.
type Guest struct {
	Kind     pve.Kind
	VMID     pve.VMID
	Node     string
	Name     string // hostname of a container, name of a VM; may be empty
	Template bool
	Hooked   bool // its hookscript is ours
	MACs     []pve.MAC
}

// Inventory is every address that any guest config on any node names, and
// every guest there is. The zero value is an empty cluster.
type Inventory struct {
	Guests map[pve.VMID]Guest
	Uses   map[netip.Addr][]Use
	// Never holds addresses that are nobody's to lease, with the reason:
	// the nodes' own, gateways, infrastructure that the configuration names.
	Never map[netip.Addr]string
	// Nodes are the names of the cluster's nodes; none where they are not known.
	Nodes []string
	// Given is what Proxmox's SDN has given away, by its IPAM file. It names the
	// guest, if it knows it, and neither the interface nor the bridge.
	Given map[netip.Addr][]Use
	// Complete is false when some part could not be read (no quorum, a
	// broken file): then no guest may be called gone.
	Complete bool
	// Unread is what could not be read: unknown, and not empty.
	Unread []Unread
}
