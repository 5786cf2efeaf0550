package lease_test

import (
	"testing"
	"time"

	"pve-iplease/internal/lease"
)

// A lease is reclaimed only as it was judged: in the meantime its guest may have
// come back, started, stopped, and gone again.
func TestReclaimOfALeaseThatChanged(t *testing.T) {
	t.Parallel()
	gone := func(l *lease.Lease) { l.Missing, l.Gen = now.Add(-48*time.Hour), 7 }
	for name, c := range map[string]struct {
		edit func(*lease.Lease)
		want bool
	}{
		"unchanged":              {func(*lease.Lease) {}, true},
		"a later generation":     {func(l *lease.Lease) { l.Gen = 9 }, false},
		"bound by now":           {func(l *lease.Lease) { l.State = lease.Bound }, false},
		"not missing any more":   {func(l *lease.Lease) { l.Missing = time.Time{} }, false},
		"missing since just now": {func(l *lease.Lease) { l.Missing = now.Add(-time.Hour) }, false},
	} {
		judged := newScene().has(120, lease.Released, "10.0.0.200", gone)
		list := judged.t.Gone(judged.w)
		if len(list) != 1 {
			t.Fatalf("%s: gone are %+v", name, list)
		}
		s := newScene().has(120, lease.Released, "10.0.0.200", gone, c.edit)
		if got := s.t.Reclaim(s.w, list[0]); got != c.want || (s.t.Len() == 0) != c.want {
			t.Errorf("%s: reclaimed %v, %d left", name, got, s.t.Len())
		}
	}
}
