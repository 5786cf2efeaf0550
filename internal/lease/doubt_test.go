package lease_test

import (
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestLapsed(t *testing.T) {
	t.Parallel()
	key := lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: ip("10.0.0.200")}
	freed := func(l *lease.Lease) { l.Freed = true }
	for name, c := range map[string]struct {
		state lease.State
		edit  []func(*lease.Lease)
		want  bool
	}{
		"bound":              {lease.Bound, nil, false},
		"held":               {lease.Released, []func(*lease.Lease){ago(time.Hour)}, false},
		"released by hand":   {lease.Released, []func(*lease.Lease){ago(time.Hour), freed}, true},
		"the hold is over":   {lease.Released, []func(*lease.Lease){ago(25 * time.Hour)}, true},
		"static, never ours": {lease.Released, []func(*lease.Lease){ago(25 * time.Hour), origin(lease.Static)}, false},
	} {
		s := newScene().has(101, c.state, "10.0.0.200", c.edit...)
		if got := s.t.Lapsed(s.w, key, ct(101)); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
		if got := s.t.Lapsed(s.w, key, ct(102)); got != "" {
			t.Errorf("%s, for another guest: %q", name, got)
		}
	}
}

// An address that two configs name and that the ledger gave to neither needs a
// proof; the owner's own does not.
func TestShared(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"10.0.0.205", "10.0.0.50"} {
		s := newScene().names(101, lease.Running, addr).names(102, lease.Running, addr)
		first, err := s.acquire(want(101, addr+"/24"))
		if err != nil || !first.AlsoNamed {
			t.Errorf("%s: adopted without a doubt: %+v, %v", addr, first, err)
		}
		again, err := s.acquire(want(101, addr+"/24"))
		if err != nil || again.AlsoNamed {
			t.Errorf("%s: its own is doubted: %+v, %v", addr, again, err)
		}
	}
}

// A start that took the last address from a stopped guest and then failed can
// be had again.
func TestRetryOfTheLastAddress(t *testing.T) {
	t.Parallel()
	one := lan(func(p *lease.Pool) { p.Ranges[0].Last = p.Ranges[0].First })
	s := newScene(one).names(102, lease.Running, "10.0.0.200").has(102, lease.Released, "10.0.0.200", ago(25*time.Hour))
	for _, attempt := range []string{"first", "second"} {
		g, err := s.acquire(want(101, ""))
		if err != nil {
			t.Fatalf("%s attempt: %v", attempt, err)
		}
		if err := s.t.Confirm(s.w, []lease.Grant{g}); err != nil {
			t.Errorf("%s attempt: %v", attempt, err)
		}
	}
}
