package lease_test

import (
	"testing"
	"time"

	"pve-iplease/internal/lease"
)

// TestRemovedFromAReadTable: the indices of a table that was read stand on
// their own, so that one record's end takes no other's place.
func TestRemovedFromAReadTable(t *testing.T) {
	t.Parallel()
	lan := lease.NewSegment("vmbr0", 0)
	record := func(n int) lease.Lease {
		return lease.Lease{
			Key:   lease.Key{Segment: lan, Addr: ip("10.0.0.1" + string(rune('0'+n)))},
			Owner: lease.Owner{VMID: lease.VMID(100 + n)}, State: lease.Released,
		}
	}
	var records []lease.Lease
	for n := range 4 {
		records = append(records, record(n))
	}
	table := lease.TableOf(records)
	for n := range 4 {
		if freed := table.Free(lease.Container, lease.VMID(100+n), time.Unix(1, 0)); len(freed) != 1 {
			t.Fatalf("CT %d: freed %v", 100+n, freed)
		}
		for m := range 4 {
			of, at := table.Of(record(m).Owner), table.At(record(m).Key)
			if len(of) != 1 || len(at) != 1 || of[0].Addr != record(m).Addr || at[0].Owner != record(m).Owner {
				t.Fatalf("after CT %d was freed, CT %d has %v, and its address is %v", 100+n, 100+m, of, at)
			}
		}
	}
}
