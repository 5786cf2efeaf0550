package lease

import (
	"maps"
	"slices"

	"pve-iplease/internal/pve"
)

// knownProbers is how many addresses are kept of a node, one a bridge that it
// probes from. Of more the newest count: each is registered again before it
// probes.
const knownProbers = 16

// Known registers the address that a node's probes come from, so that
// siblings tell its probes from a stranger's.
func (t *Table) Known(node, version string, prober pve.MAC) {
	info := t.Nodes[node]
	if info.Version == version && (prober.IsZero() || slices.Contains(info.Probers, prober)) {
		return
	}
	info.Version = version
	if !prober.IsZero() && !slices.Contains(info.Probers, prober) {
		info.Probers = append(slices.Clone(info.Probers), prober)
	}
	info.Probers = info.Probers[max(0, len(info.Probers)-knownProbers):]
	t.Nodes[node] = info
	t.changed = true
}

// Sibling reports whether a MAC is one that some node's probes come from, or the
// stand-in for one.
func (t *Table) Sibling(m pve.MAC) bool {
	for _, info := range t.Nodes {
		if slices.ContainsFunc(info.Probers, func(p pve.MAC) bool { return p == m || p.StandIn() == m }) {
			return true
		}
	}
	return false
}

// forgetNodes drops what is known of nodes that the cluster no longer has. One
// that is back is registered with its next claim.
func (t *Table) forgetNodes(w World) {
	if !slices.Contains(w.Inventory.Nodes, w.Node) {
		return // not known
	}
	before := len(t.Nodes)
	maps.DeleteFunc(t.Nodes, func(name string, _ NodeInfo) bool { return !slices.Contains(w.Inventory.Nodes, name) })
	t.changed = t.changed || len(t.Nodes) != before
}
