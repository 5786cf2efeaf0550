package ledger

import (
	"errors"
	"net/netip"
	"testing"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// filled is a ledger on pmxcfs with as many marks and leases as an older
// version let it have: to its last byte.
func filled(t *testing.T, marks int) *Ledger {
	t.Helper()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	table := lease.NewTable()
	table.Generation, table.Cluster = 1000, "prod"
	for i := range marks {
		m := typical(20000 + i)
		m.Owner, m.Claim, m.State, m.Since, m.Gen = pve.Owner{}, lease.Claim{}, lease.Conflicted, noon, 1
		table.Add(m)
	}
	data := mustEncode(t, table)
	for i := 1; ; i++ {
		n := (maxFile - len(data)) / 200
		for range max(1, n) {
			i++
			table.Add(typical(i))
		}
		if data = mustEncode(t, table); len(data) > maxFile-200 {
			break
		}
	}
	last := typical(20000 - 1)
	last.Claim.ID = ""
	for table.Add(last); len(mustEncode(t, table)) < maxFile; table.Add(last) {
		at := lease.Key{Segment: last.Segment, Addr: last.Addr}
		table = table.Clone(func(l lease.Lease) bool { return l.Key != at })
		last.Claim.ID += "x"
	}
	w, err := l.store.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slots, err := l.store.Read(t.Context())
	if err == nil {
		err = w.Write(t.Context(), slots, 0, mustEncode(t, table))
	}
	if err := errors.Join(err, w.Unlock()); err != nil {
		t.Fatal(err)
	}
	return l
}

// A full ledger takes whatever makes it smaller; and one that new leases filled
// has kept room for what its leases must still be able to become.
func TestFull(t *testing.T) {
	t.Parallel()
	w := lease.World{Now: noon, Node: "pve1", Inventory: lease.Inventory{Complete: true}}
	t.Run("of an older version", func(t *testing.T) {
		t.Parallel()
		l := filled(t, 3000)
		free := func(t *lease.Table) error { t.Free(pve.Container, 105, noon); return nil }
		if err := l.Update(t.Context(), free); !errors.Is(err, ErrFull) {
			t.Fatalf("a word more: %v", err)
		}
		update(t, l, func(t *lease.Table) error { t.Forget(pve.Container, 105); return nil })
		update(t, l, func(t *lease.Table) error { t.Shrink(w); return nil })
		update(t, l, free)
		update(t, l, func(t *lease.Table) error { t.NoteMissing(w); return nil })
		if got := view(t, l); len(got.Guest(pve.Container, 105)) != 0 {
			t.Errorf("%+v", got.Guest(pve.Container, 105))
		}
	})
	t.Run("by new leases", func(t *testing.T) {
		t.Parallel()
		_, host := hosts(t, "pve1")
		l := host[0].ledger(t)
		const before = (maxFile - kept) / 120
		update(t, l, func(table *lease.Table) error {
			for i := range before {
				table.Add(typical(i))
			}
			return touch(1)(table)
		})
		var err error
		for n := before; err == nil && n < 10000; n += 100 {
			err = l.Update(t.Context(), func(table *lease.Table) error {
				for i := range 100 {
					table.Add(typical(n + i))
				}
				return touch(pve.VMID(n))(table)
			})
		}
		if !errors.Is(err, ErrFull) {
			t.Fatalf("it is never full: %v", err)
		}
		for id := pve.VMID(100); id < 1100; id += 50 {
			update(t, l, func(table *lease.Table) error { table.Free(pve.Container, id, noon); return nil })
		}
		for l := range view(t, l).All() {
			if l.Addr == netip.MustParseAddr("10.0.0.0") && !l.Freed {
				t.Errorf("%+v", l)
			}
		}
	})
}
