package lease

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// Table is the ledger in memory: every lease, found by address and by owner.
type Table struct {
	Generation uint64              // of the ledger that was read; 0: none was
	Cluster    string              // name of the cluster that the ledger belongs to
	Nodes      map[string]NodeInfo // by node name
	Extra      []byte              // header fields of a newer version, in the ledger's encoding

	all     []*Lease // in the order in which they came
	byAddr  map[netip.Addr][]*Lease
	byOwner map[pve.Owner][]*Lease
	changed bool
}

// NewTable builds an empty table.
func NewTable() *Table { return TableOf(nil) }

// TableOf builds a table of records as they were stored. It takes the slice
// over: nothing is allocated for each record.
func TableOf(records []Lease) *Table {
	n := len(records)
	t := &Table{
		Nodes:   map[string]NodeInfo{},
		all:     make([]*Lease, n),
		byAddr:  make(map[netip.Addr][]*Lease, n),
		byOwner: make(map[pve.Owner][]*Lease, n),
	}
	single := make([]*Lease, n) // not all, from which records are removed in place
	for i := range records {
		t.all[i], single[i] = &records[i], &records[i]
		t.index(single[i : i+1 : i+1])
	}
	return t
}

// Clone copies the table, or those of its records that keep picks; nil keeps
// all.
func (t *Table) Clone(keep func(Lease) bool) *Table {
	records := make([]Lease, 0, len(t.all))
	for _, l := range t.all {
		if keep == nil || keep(*l) {
			records = append(records, *l)
		}
	}
	c := TableOf(records)
	c.Generation, c.Cluster, c.Extra = t.Generation, t.Cluster, t.Extra
	maps.Copy(c.Nodes, t.Nodes)
	return c
}

// Add puts a record in as it was stored. It doesn't count as a change.
func (t *Table) Add(l Lease) {
	t.all = append(t.all, &l)
	t.index([]*Lease{&l})
}

// index makes a record, a slice of one, be found. Where it is the first of its
// address or owner the slice itself becomes the entry.
func (t *Table) index(one []*Lease) {
	l := one[0]
	if at := t.byAddr[l.Addr]; at != nil {
		t.byAddr[l.Addr] = append(at, l)
	} else {
		t.byAddr[l.Addr] = one
	}
	if l.Owner.IsZero() {
		return
	}
	if of := t.byOwner[l.Owner]; of != nil {
		t.byOwner[l.Owner] = append(of, l)
	} else {
		t.byOwner[l.Owner] = one
	}
}

// Len is the number of records.
func (t *Table) Len() int { return len(t.all) }

// All yields every record, sorted by address, then segment.
func (t *Table) All() iter.Seq[Lease] {
	return func(yield func(Lease) bool) {
		sorted := slices.Clone(t.all)
		slices.SortFunc(sorted, inOrder)
		for _, l := range sorted {
			if !yield(*l) {
				return
			}
		}
	}
}

// inOrder compares records by their place in the ledger. Two of one address
// are rare.
func inOrder(x, y *Lease) int {
	if c := x.Addr.Compare(y.Addr); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(x.Segment.String(), y.Segment.String()), cmp.Compare(x.Owner.String(), y.Owner.String()))
}

// At returns the record of an address on every segment that overlaps k's;
// more than one only after the ledger was edited by hand or pools were merged.
func (t *Table) At(k Key) []Lease {
	var found []Lease
	for _, l := range t.byAddr[k.Addr] {
		if l.Segment.Overlaps(k.Segment) {
			found = append(found, *l)
		}
	}
	return found
}

// Everywhere returns the records of an address on all segments.
func (t *Table) Everywhere(a netip.Addr) []Lease {
	var found []Lease
	for _, l := range t.byAddr[a] {
		found = append(found, *l)
	}
	return found
}

// Of returns the owner's leases, on any segment.
func (t *Table) Of(o pve.Owner) []Lease {
	var found []Lease
	for _, l := range t.byOwner[o] {
		found = append(found, *l)
	}
	return found
}

// Changed reports whether anything differs from what was read, so that a
// transaction that changed nothing need not be written.
func (t *Table) Changed() bool { return t.changed }

// put stores a record, stamped with the generation that the coming write
// will have, in place of whatever the same owner or nobody held there.
func (t *Table) put(l Lease) {
	t.drop(l.Key)
	l.Gen = t.Generation + 1
	t.Add(l)
	t.changed = true
}

// drop removes the records that overlap a key.
func (t *Table) drop(k Key) {
	keep := t.byAddr[k.Addr][:0:0]
	for _, l := range t.byAddr[k.Addr] {
		if !l.Segment.Overlaps(k.Segment) {
			keep = append(keep, l)
			continue
		}
		t.byOwner[l.Owner] = without(slices.Clone(t.byOwner[l.Owner]), l)
		t.all = without(t.all, l)
		t.changed = true
	}
	if len(keep) == 0 {
		delete(t.byAddr, k.Addr)
		return
	}
	t.byAddr[k.Addr] = keep
}

// without removes a record from a list, which it changes.
func without(list []*Lease, l *Lease) []*Lease {
	return slices.DeleteFunc(list, func(x *Lease) bool { return x == l })
}
