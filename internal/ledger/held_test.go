package ledger

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// BenchmarkHeld is how long a claim keeps all other nodes out: from the making
// of the lock directory to its removal, as pmxcfs sees them.
func BenchmarkHeld(b *testing.B) {
	for _, leases := range []int{40, 200, 1000, 5000} {
		b.Run(fmt.Sprintf("leases=%d", leases), func(b *testing.B) { heldFor(b, leases, pmxcfs.Latency{}) })
		b.Run(fmt.Sprintf("corosync/leases=%d", leases), func(b *testing.B) { heldFor(b, leases, pmxcfs.Measured) })
	}
}

func heldFor(b *testing.B, leases int, takes pmxcfs.Latency) {
	c, host := hosts(b, "pve1", "pve2", "pve3")
	l := host[0].ledger(b)
	err := l.Update(b.Context(), func(t *lease.Table) error {
		for i := range leases {
			t.Add(typical(i))
		}
		t.Known("pve1", "1", pve.MAC{})
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	c.Take(takes)
	clock := stopwatch{}
	c.Intercept(clock.intercept)
	n := 0
	for b.Loop() {
		n++
		leaseTo(b, l, pve.VMID(100000+n))
	}
	c.Intercept(nil)
	b.ReportMetric(clock.median(), "ms-held")
	b.ReportMetric(0, "ns/op")
}

// leaseTo leases an address for a new guest, as a start does.
func leaseTo(b *testing.B, l *Ledger, id pve.VMID) {
	b.Helper()
	network := netip.MustParsePrefix("10.0.0.0/16")
	w := lease.World{
		Now: noon, Node: "pve1", Named: map[netip.Addr]string{}, Inventory: lease.Inventory{Complete: true},
		Pools: []lease.Pool{{Name: "lan", Bridge: "vmbr0", Subnet: network, Ranges: []pve.Range{{
			First: netip.MustParseAddr("10.0.0.1"), Last: netip.MustParseAddr("10.0.255.254"),
		}}, Hold: time.Hour}},
	}
	err := l.Update(b.Context(), func(t *lease.Table) error {
		_, err := t.Acquire(w, lease.Claim{ID: "k3f9a2c1", Node: "pve1", Boot: "1a2b3c4d", At: noon}, []lease.Want{{
			Owner: pve.Owner{VMID: id}, Bridge: "vmbr0", MAC: pve.MAC{0xbc, 0x24, 0x11, 9, byte(id >> 8), byte(id)},
		}})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// stopwatch measures how long the lock directory is there.
type stopwatch struct {
	mu    sync.Mutex
	since time.Time
	held  []time.Duration
}

func (s *stopwatch) intercept(o pmxcfs.Op) pmxcfs.Fault {
	if o.Path != "priv/lock/pve-iplease" {
		return pmxcfs.Fault{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch o.Call {
	case "mkdir":
		s.since = time.Now()
	case "rmdir":
		s.held = append(s.held, time.Since(s.since))
	}
	return pmxcfs.Fault{}
}

// median is in milliseconds.
func (s *stopwatch) median() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.held)
	return float64(s.held[len(s.held)/2]) / float64(time.Millisecond)
}
