package lease_test

import (
	"fmt"
	"slices"
	"testing"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestWritesToAReadTable: the indices of a table that was read stand on their
// own, so that one record's change doesn't take another's place.
func TestWritesToAReadTable(t *testing.T) {
	t.Parallel()
	s := newScene()
	addr := func(id pve.VMID) string { return fmt.Sprintf("10.0.0.%d", 100+id) }
	for id := pve.VMID(101); id <= 105; id++ {
		s.has(id, lease.Released, addr(id))
	}
	s.t = lease.TableOf(slices.Collect(s.t.All()))
	for id := pve.VMID(101); id <= 105; id++ {
		if g, err := s.acquire(want(id, "")); err != nil || g.Lease.Addr != ip(addr(id)) {
			t.Fatalf("CT %d gets %v, %v", id, g.Lease.Addr, err)
		}
		for other := pve.VMID(101); other <= 105; other++ {
			of := s.t.Of(ct(other))
			if len(of) != 1 || of[0].Addr != ip(addr(other)) || len(s.t.At(of[0].Key)) != 1 {
				t.Fatalf("after CT %d was given its address, CT %d has %v", id, other, of)
			}
		}
	}
}
