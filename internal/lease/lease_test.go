package lease_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Same compares every field there is: a record that wrongly seems to be what
// was read would be stored as it was.
func TestSameComparesEverything(t *testing.T) {
	t.Parallel()
	other := lease.Lease{
		Key:   lease.Key{Segment: pve.Segment{Bridge: "a", Tag: 1, Nodes: "b"}, Addr: netip.MustParseAddr("10.0.0.1")},
		Owner: pve.Owner{Kind: pve.VM, VMID: 101, NIC: 1}, Origin: lease.Static, State: lease.Released,
		Claim: lease.Claim{ID: "a", Node: "b", Boot: "c", Up: 1, At: now, Foreseen: true},
		Gen:   1, Since: now, Until: now, MAC: pve.MAC{1}, Port: "a", Was: netip.MustParseAddr("10.0.0.1"),
		Unproven: true, Contested: true, Vouched: []pve.Owner{{VMID: 101}}, Freed: true, Missing: now.Add(time.Hour), Extra: []byte("a"),
	}
	if zero := (lease.Lease{}); !zero.Same(&lease.Lease{}) || !other.Same(&other) {
		t.Error("a record is not the same as itself")
	}
	differs(t, "", reflect.ValueOf(other), func(path string, change func(*lease.Lease)) {
		var l lease.Lease
		if change(&l); l.Same(&lease.Lease{}) {
			t.Errorf("%s makes no difference", path)
		}
	})
}

// differs calls f once for each field, with a change that sets this one alone.
func differs(t *testing.T, path string, from reflect.Value, f func(string, func(*lease.Lease)), at ...int) {
	t.Helper()
	for i := range from.NumField() {
		name, index := path+from.Type().Field(i).Name, append(at[:len(at):len(at)], i)
		field := from.Field(i)
		if field.IsZero() {
			t.Errorf("%s has no value in this test", name)
		}
		switch field.Interface().(type) {
		case time.Time, netip.Addr, pve.MAC:
		default:
			if field.Kind() == reflect.Struct {
				differs(t, name+".", field, f, index...)
				continue
			}
		}
		f(name, func(l *lease.Lease) { reflect.ValueOf(l).Elem().FieldByIndex(index).Set(field) })
	}
}
