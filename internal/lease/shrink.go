package lease

import "pve-iplease/internal/pve"

// Shrink takes out of the table what nothing depends on: marks that no longer
// keep an address from being tried, which it lists, and nodes that are gone. A
// full ledger has room again afterwards.
func (t *Table) Shrink(w World) (marks []Lease) {
	t.forgetNodes(w)
	return t.ReclaimMarks(w)
}

// Forget ends a guest's leases without leaving word of them, where there is no
// room for a word. That is no less safe than Free: what its config names stays
// its own.
func (t *Table) Forget(kind pve.Kind, id pve.VMID) []Lease {
	forgotten := t.Guest(kind, id)
	for _, l := range forgotten {
		t.drop(l.Key)
	}
	return forgotten
}
