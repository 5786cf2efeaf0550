package lease_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// contested marks a lease whose claim is unproved.
func contested(l *lease.Lease) { l.Contested = true }

// What may be another's starts with a proof only, and the record remembers it
// as long as nothing else in the world tells of it.
func TestContest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scene  *scene
		with   func(*scene)
		want   lease.Want
		why    string
		record bool // says so, too
	}{
		"free":                      {newScene(), nil, want(101, ""), "", false},
		"own":                       {newScene().has(101, lease.Released, "10.0.0.200"), nil, want(101, "10.0.0.200/24"), "", false},
		"adopted":                   {newScene(), nil, want(101, "10.0.0.205/24"), "", false},
		"static":                    {newScene(), nil, want(101, "10.0.0.50/24"), "", false},
		"only a snapshot names it":  {newScene().names(102, lease.Snapshot, "10.0.0.205"), nil, want(101, "10.0.0.205/24"), "", false},
		"adopted, another names it": {newScene().names(102, lease.Running, "10.0.0.205"), nil, want(101, "10.0.0.205/24"), "is named by the config of CT 102", true},
		"pending counts":            {newScene().names(102, lease.Pending, "10.0.0.205"), nil, want(101, "10.0.0.205/24"), "(pending)", true},
		"static, another names it":  {newScene().names(102, lease.Running, "10.0.0.50"), nil, want(101, "10.0.0.50/24"), "is named by the config of CT 102", true},
		"own, another names it":     {newScene().has(101, lease.Released, "10.0.0.200").names(102, lease.Running, "10.0.0.200"), nil, want(101, "10.0.0.200/24"), "is named by the config of CT 102", false},
		"reserved, another names it": {newScene().names(102, lease.Running, "10.0.0.205"), func(s *scene) {
			s.w.Reservations = []lease.Reservation{{Addr: ip("10.0.0.205"), Owner: ct(101)}}
		}, want(101, "10.0.0.205/24"), "is named by the config of CT 102", true},
		"reserved, another had it": {newScene().has(102, lease.Released, "10.0.0.205"), func(s *scene) {
			s.w.Reservations = []lease.Reservation{{Addr: ip("10.0.0.205"), Owner: ct(101)}}
		}, want(101, ""), "was CT 102's", true},
		"a stranger had it":        {newScene(single()).has(9, lease.Conflicted, "10.0.0.200", ago(2*time.Hour)), nil, want(101, ""), "was seen in use by", true},
		"a stopped guest had it":   {newScene(single()).has(102, lease.Released, "10.0.0.200", ago(48*time.Hour)), nil, want(101, ""), "was CT 102's", true},
		"a guest that is gone":     {newScene(single()).has(120, lease.Released, "10.0.0.200", func(l *lease.Lease) { l.Missing = now.Add(-48 * time.Hour) }), nil, want(101, ""), "was CT 120's", true},
		"unproved":                 {newScene().has(101, lease.Bound, "10.0.0.200", contested), nil, want(101, "10.0.0.200/24"), "nothing has proved since", true},
		"unproved, released since": {newScene().has(101, lease.Released, "10.0.0.200", contested), nil, want(101, "10.0.0.200/24"), "nothing has proved since", true},
		"proved": {newScene().has(101, lease.Released, "10.0.0.200", contested), func(s *scene) {
			s.w.Proved = []string{"old"}
		}, want(101, "10.0.0.200/24"), "", false},
		"another claim proved": {newScene().has(101, lease.Released, "10.0.0.200", contested), func(s *scene) {
			s.w.Proved = []string{"other"}
		}, want(101, "10.0.0.200/24"), "nothing has proved since", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.with != nil {
				c.with(c.scene)
			}
			g, err := c.scene.acquire(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if (c.why == "") != (g.Contest == "") || !strings.Contains(g.Contest, c.why) {
				t.Errorf("%s is contested: %q, want %q", g.Lease.Addr, g.Contest, c.why)
			}
			if g.Lease.Contested != c.record {
				t.Errorf("the record says %v", g.Lease.Contested)
			}
		})
	}
}

// single is a pool of one address.
func single() lease.Pool {
	return lan(func(p *lease.Pool) { p.Ranges = []pve.Range{{First: ip("10.0.0.200"), Last: ip("10.0.0.200")}} })
}

// Of a claim that is proved nothing is written for the mark's sake, and the next
// write leaves it out.
func TestMarkGoesWithTheNextWrite(t *testing.T) {
	t.Parallel()
	s := newScene(single()).has(102, lease.Released, "10.0.0.200", ago(48*time.Hour))
	g, err := s.acquire(want(101, ""))
	if err != nil || !g.Lease.Contested {
		t.Fatalf("%+v, %v", g, err)
	}
	s.t = s.t.Clone(nil)
	s.w.Proved = []string{"new"}
	again, err := s.acquire(want(101, "10.0.0.200/24"))
	if err != nil || s.t.Changed() || again.Contest != "" {
		t.Errorf("changed: %v, contested: %q, %v", s.t.Changed(), again.Contest, err)
	}
	released, _ := s.t.Stopped(lease.Run{VMID: 101, Node: "pve1", Boot: "b1", Started: time.Hour, Now: now, Proved: s.w.Proved})
	if len(released) != 1 || released[0].Contested {
		t.Errorf("released: %+v", released)
	}
}

func TestStopOfAnUnprovedRunKeepsTheMark(t *testing.T) {
	t.Parallel()
	s := newScene().has(101, lease.Bound, "10.0.0.200", contested)
	released, _ := s.t.Stopped(lease.Run{VMID: 101, Node: "pve1", Boot: "b1", Started: time.Hour, Now: now, Proved: []string{"other"}})
	if len(released) != 1 || !released[0].Contested {
		t.Errorf("released: %+v", released)
	}
}

// A voice ends what was proved, and what somebody vouched for.
func TestHeard(t *testing.T) {
	t.Parallel()
	s := newScene().has(101, lease.Released, "10.0.0.50", origin(lease.Static), func(l *lease.Lease) { l.Vouched = []pve.Owner{ct(101)} })
	g, err := s.acquire(want(101, "10.0.0.50/24"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.t.Heard(g, "heard"); err != nil {
		t.Fatal(err)
	}
	s.w.Proved = []string{"old", "new"}
	if why := s.t.Contest(s.w, g.Lease.Key, ct(101)); why == "" || len(s.t.Of(ct(101))[0].Vouched) > 0 {
		t.Errorf("contested: %q: %+v", why, s.t.Of(ct(101)))
	}
	var lost *lease.LostError
	if err := s.t.Heard(g, "again"); !errors.As(err, &lost) {
		t.Errorf("of a claim that is no more: %v", err)
	}
}

// An administrator's word covers those whose configs name the address then, and
// stays through stops and starts.
func TestVouch(t *testing.T) {
	t.Parallel()
	s := newScene().has(101, lease.Bound, "10.0.0.200", contested).names(102, lease.Running, "10.0.0.200").names(102, lease.Pending, "10.0.0.200")
	vouched := s.t.Vouch(s.w, pve.Container, 101)
	if len(vouched) != 1 || vouched[0].State != lease.Released || vouched[0].Contested || !slices.Equal(vouched[0].Vouched, []pve.Owner{ct(101), ct(102)}) {
		t.Fatalf("%+v", vouched)
	}
	for range 2 {
		g, err := s.acquire(want(101, "10.0.0.200/24"))
		if err != nil || g.Contest != "" {
			t.Fatalf("contested: %q, %v", g.Contest, err)
		}
		s.t.Stopped(lease.Run{VMID: 101, Node: "pve1", Boot: "b1", Started: time.Hour, Now: now})
	}
	s.names(103, lease.Running, "10.0.0.200")
	if why := s.t.Contest(s.w, vouched[0].Key, ct(101)); !strings.Contains(why, "CT 103") {
		t.Errorf("contested: %q", why)
	}
}

// A guest whose lease is released may run all the same; of this node's that is
// asked before another gets its address, of another node's it can't be.
func TestGuestThatRunsWithAReleasedLease(t *testing.T) {
	t.Parallel()
	freed := func(l *lease.Lease) { l.Freed = true }
	for name, c := range map[string]struct {
		edit func(*lease.Lease)
		want lease.Want
		pin  bool
	}{
		"the hold is over": {ago(48 * time.Hour), want(101, ""), false},
		"released by hand": {freed, want(101, ""), false},
		"reserved":         {ago(time.Hour), want(101, ""), true},
		"in its config":    {ago(48 * time.Hour), want(101, "10.0.0.200/24"), false},
	} {
		s := newScene(single()).has(102, lease.Released, "10.0.0.200", c.edit)
		if c.pin {
			s.w.Reservations = []lease.Reservation{{Addr: ip("10.0.0.200"), Owner: ct(101)}}
		}
		delete(s.w.Alive, 102)
		was := s.t.Clone(nil)
		var unasked *lease.UnaskedError
		if _, err := s.acquire(c.want); !errors.As(err, &unasked) || unasked.Guest.VMID != 102 {
			t.Errorf("%s: %v", name, err)
		}
		s.t, s.w.Alive[102] = was.Clone(nil), true
		g, err := s.acquire(c.want)
		var full *lease.ExhaustedError
		var conflict *lease.ConflictError
		if !errors.As(err, &full) && !errors.As(err, &conflict) {
			t.Errorf("%s: it runs, and CT 101 gets %s: %v", name, g.Lease.Addr, err)
		}
		s.t, s.w.Alive = was.Clone(nil), nil
		elsewhere := s.w.Inventory.Guests[102]
		elsewhere.Node = "pve2"
		s.w.Inventory.Guests[102] = elsewhere
		if g, err = s.acquire(c.want); err != nil || g.Contest == "" {
			t.Errorf("%s, on another node: contested: %q, %v", name, g.Contest, err)
		}
	}
}

// Of guests that run the leases are bound with the next write.
func TestLeaseOfAGuestThatRunsIsBoundAgain(t *testing.T) {
	t.Parallel()
	s := newScene().has(102, lease.Released, "10.0.0.200", ago(48*time.Hour)).has(103, lease.Released, "10.0.0.201")
	s.w.Alive[102] = true
	if _, err := s.acquire(want(101, "")); err != nil {
		t.Fatal(err)
	}
	if a, b := s.t.Of(ct(102))[0], s.t.Of(ct(103))[0]; a.State != lease.Bound || b.State != lease.Released {
		t.Errorf("%s and %s", a.State, b.State)
	}
}

func TestTookUp(t *testing.T) {
	t.Parallel()
	start := lease.Claim{Node: "pve1", Boot: "b1", Up: time.Minute, At: now}
	for name, c := range map[string]struct {
		state lease.State
		edit  func(*lease.Lease)
		addr  string
		claim string
		want  bool
	}{
		"as it was":           {lease.Released, func(*lease.Lease) {}, "10.0.0.200", "old", true},
		"not known":           {lease.Released, func(*lease.Lease) {}, "10.0.0.200", "", true},
		"released by hand":    {lease.Released, func(l *lease.Lease) { l.Freed = true }, "10.0.0.200", "old", true},
		"another claim since": {lease.Released, func(*lease.Lease) {}, "10.0.0.200", "older", false},
		"a later start since": {lease.Released, func(l *lease.Lease) { l.Claim.Up = time.Hour }, "10.0.0.200", "", false},
		"bound by now":        {lease.Bound, func(*lease.Lease) {}, "10.0.0.200", "old", false},
		"bound since a boot":  {lease.Bound, func(l *lease.Lease) { l.Claim.Boot = "b0" }, "10.0.0.200", "old", true},
		"bound elsewhere":     {lease.Bound, func(l *lease.Lease) { l.Claim.Node = "pve2" }, "10.0.0.200", "old", true},
		"bound, not known":    {lease.Bound, func(l *lease.Lease) { l.Claim.Node = "pve2" }, "10.0.0.200", "", false},
		"another address":     {lease.Released, func(*lease.Lease) {}, "10.0.0.201", "old", false},
	} {
		s := newScene().has(101, c.state, "10.0.0.200", c.edit)
		before := s.t.Of(ct(101))[0]
		k := lease.Key{Segment: pve.NewSegment("vmbr0", 0, "pve1"), Addr: ip(c.addr)}
		if got := s.t.TookUp(k, ct(101), c.claim, start); got != c.want || s.t.Changed() != c.want {
			t.Errorf("%s: %v, changed: %v", name, got, s.t.Changed())
		}
		l := s.t.Of(ct(101))[0]
		if c.want && (l.State != lease.Bound || l.Freed || l.Claim.Up != time.Minute || l.Claim.ID != before.Claim.ID) {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
