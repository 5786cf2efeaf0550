package evidence

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Snapshot is all that this node knows about addresses at one moment, the wire
// left out. It is plain data: the judges need nothing else.
type Snapshot struct {
	Now          time.Time
	Node         string // the node that looks
	Pools        lease.Pools
	Reservations []lease.Reservation
	Named        map[netip.Addr]string // infrastructure that the pools file names

	Table     *lease.Table // never nil after Gather
	Unread    bool         // the ledger could not be read: that Table is empty says nothing
	Inventory lease.Inventory
	Kernel    Kernel
	DHCP      dhcp.Found
	IPAM      []inventory.IPAMEntry
	Firewall  Firewall             // of this node
	Wiring    map[pve.Owner]Wiring // of the guests that Inspect looked at

	// Maker tells from a MAC address who made the card; a foreign string.
	Maker func(pve.MAC) string
	// Contested tells of a lease whether somebody else had its address and nothing
	// that this node knows has proved since that it is free; nil: the ledger's word.
	Contested func(lease.Lease) bool
	// Remarks say what could not be found out, and why.
	Remarks []Remark
}

// Remark is why some evidence is missing or incomplete.
type Remark struct {
	Source string `json:"source"`
	Text   string `json:"text"`
}

// guest is what the inventory knows of a guest; ok is false for one that is
// on no node.
func (e *Snapshot) guest(id pve.VMID) (lease.Guest, bool) {
	g, ok := e.Inventory.Guests[id]
	return g, ok
}

// absent says of a guest without a config where it is: on no node, unless not
// all of the configs could be read.
func (e *Snapshot) absent() string {
	if e.Inventory.Complete {
		return ", which is on no node"
	}
	return ", of which no config could be read"
}

// guestByMAC finds the guest whose config has a MAC address, of several the
// one with the lowest number.
func (e *Snapshot) guestByMAC(m pve.MAC) (lease.Guest, bool) {
	if m.IsZero() {
		return lease.Guest{}, false
	}
	if ids := e.bearers(m); len(ids) > 0 {
		return e.Inventory.Guests[ids[0]], true
	}
	for _, g := range e.Inventory.Guests { // a template's, or that of a guest made of it by hand
		if slices.Contains(g.MACs, m) {
			return g, true
		}
	}
	return lease.Guest{}, false
}

// network is the whole of a network that a segment is a part of: a config
// knows its own node only, a pool says which nodes share the bridge.
func (e *Snapshot) network(s pve.Segment) pve.Segment {
	for i := range e.Pools {
		if p := e.Pools[i].Segment(); p.Overlaps(s) {
			return p
		}
	}
	return s
}

// maker is who made a network card, empty when nobody knows.
func (e *Snapshot) maker(m pve.MAC) string {
	if e.Maker == nil {
		return ""
	}
	return e.Maker(m)
}
