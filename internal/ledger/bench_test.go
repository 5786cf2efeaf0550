package ledger

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// benchLedgers runs a benchmark on both forms, nearly empty and full.
func benchLedgers(b *testing.B, run func(*testing.B, *Ledger)) {
	for _, leases := range []int{10, 5000} {
		fill := func(t *lease.Table) error {
			for i := range leases {
				t.Add(typical(i))
			}
			t.Known("pve1", "1", pve.MAC{})
			return nil
		}
		b.Run(fmt.Sprintf("disk/%d", leases), func(b *testing.B) {
			l, err := Open(Options{Dir: filepath.Join(b.TempDir(), "pve-iplease"), Scratch: true})
			if err == nil {
				err = l.Update(b.Context(), fill)
			}
			if err != nil {
				b.Fatal(err)
			}
			run(b, l)
		})
		b.Run(fmt.Sprintf("pmxcfs/%d", leases), func(b *testing.B) {
			_, host := hosts(b, "pve1", "pve2", "pve3")
			l := host[0].ledger(b)
			if err := l.Update(b.Context(), fill); err != nil {
				b.Fatal(err)
			}
			run(b, l)
		})
	}
}

// BenchmarkUpdate is one change: lock, read, change, write, unlock.
func BenchmarkUpdate(b *testing.B) {
	benchLedgers(b, func(b *testing.B, l *Ledger) {
		n := 0
		defer lab.CPU(b)()
		for b.Loop() {
			n++
			err := l.Update(b.Context(), func(t *lease.Table) error {
				t.Known("pve1", fmt.Sprint(n), pve.MAC{})
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkView is reading without a lock.
func BenchmarkView(b *testing.B) {
	benchLedgers(b, func(b *testing.B, l *Ledger) {
		defer lab.CPU(b)()
		for b.Loop() {
			t, err := l.View(b.Context())
			if err != nil || len(t.At(lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: netip.MustParseAddr("10.0.0.1")})) != 1 {
				b.Fatal(err)
			}
		}
	})
}

// full is the largest cluster's ledger: every guest has a typical lease.
func full() *lease.Table {
	t := lease.NewTable()
	for i := range 5000 {
		t.Add(typical(i))
	}
	return t
}

func BenchmarkEncode(b *testing.B) {
	table := full()
	defer lab.CPU(b)()
	for b.Loop() {
		data := mustEncode(b, table)
		b.SetBytes(int64(len(data)))
	}
}

func BenchmarkDecode(b *testing.B) {
	data := mustEncode(b, full())
	b.SetBytes(int64(len(data)))
	defer lab.CPU(b)()
	for b.Loop() {
		if _, err := decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAgain is what a change of a large ledger does under the lock: to take
// apart and put together what was read before, but for one line.
func BenchmarkAgain(b *testing.B) {
	table := full()
	e, err := unwrap(mustEncode(b, table))
	if err != nil {
		b.Fatal(err)
	}
	was := memoOf(e.body)
	table.Free(pve.Container, 2600, noon)
	data := mustEncode(b, table)
	b.SetBytes(int64(len(data)))
	defer lab.CPU(b)()
	for b.Loop() {
		e, err := unwrap(data)
		if err != nil {
			b.Fatal(err)
		}
		next, err := e.table(was)
		if err == nil {
			_, err = encode(next, was)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
