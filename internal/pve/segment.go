package pve

import (
	"fmt"
	"slices"
	"strings"
)

// Segment is the network that an address lives in: a bridge and a VLAN tag
// on the nodes that share it. The same bridge name on other nodes may be
// another network, so Nodes is part of the segment: sorted names joined by
// commas, empty for every node of the cluster.
type Segment struct {
	Bridge string
	Tag    uint16 // IEEE 802.1Q VLAN ID, 0 for untagged
	Nodes  string
}

// NewSegment builds a segment with its node list in canonical form.
func NewSegment(bridge string, tag uint16, nodes ...string) Segment {
	if len(nodes) > 1 {
		nodes = slices.Compact(slices.Sorted(slices.Values(nodes)))
	}
	return Segment{Bridge: bridge, Tag: tag, Nodes: strings.Join(nodes, ",")}
}

// On reports whether the segment exists on a node.
func (s Segment) On(node string) bool {
	if s.Nodes == "" {
		return true
	}
	for n := range strings.SplitSeq(s.Nodes, ",") {
		if n == node {
			return true
		}
	}
	return false
}

// Overlaps reports whether one cable can be meant by both: the same bridge
// and tag on at least one node in common. Ownership is decided by overlap, so
// that a pool whose list of nodes is edited keeps its leases.
func (s Segment) Overlaps(o Segment) bool {
	if s.Bridge != o.Bridge || s.Tag != o.Tag {
		return false
	}
	if s.Nodes == "" || o.Nodes == "" || s.Nodes == o.Nodes {
		return true
	}
	for n := range strings.SplitSeq(s.Nodes, ",") {
		if o.On(n) {
			return true
		}
	}
	return false
}

// String reads vmbr0, vmbr0.20, vmbr0@pve1.
func (s Segment) String() string {
	name := s.Bridge
	if s.Tag != 0 {
		name = fmt.Sprintf("%s.%d", name, s.Tag)
	}
	if s.Nodes != "" {
		name += "@" + s.Nodes
	}
	return name
}

// Bridgeless reports whether nothing is known of the network, as for an
// address that a config names without its interface; it then counts everywhere.
func (s Segment) Bridgeless() bool { return s.Bridge == "" }
