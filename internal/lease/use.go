package lease

import "net/netip"

// Where tells which part of a guest's config names an address.
type Where uint8

// Only the running and the pending part make an address taken.
const (
	Running Where = iota
	Pending
	Snapshot
)

func (w Where) String() string { return [...]string{"running", "pending", "snapshot"}[w] }

// Use is one place in one guest's config that names an address.
type Use struct {
	Addr    netip.Addr
	Owner   Owner
	Segment Segment // bridge and tag of that NIC, on that guest's node; zero Bridge: unknown, counts everywhere
	Where   Where
}

// Guest is what the inventory knows of a guest as a whole.
type Guest struct {
	Kind     Kind
	VMID     VMID
	Node     string
	Name     string // hostname of a container, name of a VM; may be empty
	Template bool
	Hooked   bool // its hookscript is ours
	MACs     []MAC
}

// Inventory is every address that any guest config on any node names, and
// every guest there is. The zero value is an empty cluster.
type Inventory struct {
	Guests map[VMID]Guest
	Uses   map[netip.Addr][]Use
	// Never holds addresses that are nobody's to lease, with the reason:
	// the nodes' own, gateways, infrastructure that the configuration names.
	Never map[netip.Addr]string
	// Nodes are the names of the cluster's nodes; none where they are not known.
	Nodes []string
	// Complete is false when some part could not be read (no quorum, a
	// broken file): then no guest may be called gone.
	Complete bool
}
