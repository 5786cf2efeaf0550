package lease_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// marks are the addresses that the table has marked, in its order.
func (s *scene) marks() (marked []string) {
	for l := range s.t.All() {
		if l.State == lease.Conflicted {
			marked = append(marked, l.Addr.String())
		}
	}
	return marked
}

// stored makes the next changes those of another generation.
func (s *scene) stored() { s.t.Generation++ }

// haunted is a start of a new guest at which a voice with ever new MACs, heard
// on a port, answers for each address that is asked, in up to so many windows.
func (s *scene) haunted(t *testing.T, w lease.Want, port string, windows int) {
	t.Helper()
	g, err := s.acquire(w)
	for n := range windows {
		if err != nil {
			t.Fatal(err)
		}
		s.stored()
		var heard []lease.Heard
		for i, a := range append([]netip.Addr{g.Lease.Addr}, g.Spares...) {
			m := pve.MAC{2, byte(s.t.Generation >> 8), byte(s.t.Generation), byte(n >> 8), byte(n), byte(i)}
			heard = append(heard, lease.Heard{Addr: a, Taken: true, By: []pve.MAC{m}, Ports: []string{port}})
		}
		g, _, err = s.t.Decline(s.w, lease.Claim{ID: "next", Node: "pve1", At: s.w.Now}, g, heard)
	}
	s.t.Free(pve.Container, w.Owner.VMID, s.w.Now.Add(-48*time.Hour)) // the start failed
	s.stored()
}

func want6(id pve.VMID) lease.Want {
	w := want(id, "")
	w.Family = pve.IPv6
	return w
}

// A guest that answers for whatever is asked with ever new MACs leaves few
// marks, at one start and at many, and on each network.
func TestMarksAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		port    string
		one, in int
	}{
		"by an uplink":           {"eno1", 6, 64},
		"by an unknown port":     {"", 6, 64},
		"by a guest's port":      {"veth104i0", 4, 4},
		"by a firewalled guest":  {"fwpr104p1", 4, 4},
		"by a virtual machine's": {"tap104i0", 4, 4},
	} {
		s := newScene(lan6())
		s.haunted(t, want6(101), c.port, 117)
		if got := s.marks(); len(got) != c.one {
			t.Errorf("%s: one start left %d marks, want %d", name, len(got), c.one)
		}
		for range 40 {
			s.haunted(t, want6(101), c.port, 9)
			s.w.Now = s.w.Now.Add(7 * time.Minute)
		}
		if got := s.marks(); len(got) != c.in {
			t.Errorf("%s: 40 starts left %d marks, want %d", name, len(got), c.in)
		}
	}
}

// What a guest makes the ledger remember pushes out nobody else's mark, on
// whatever port it speaks, and however often.
func TestMarksOfStrangersStay(t *testing.T) {
	t.Parallel()
	for _, port := range []string{"eno1", "veth104i0"} {
		s := newScene(lan6())
		printer := lease.Heard{Addr: ip("2001:db8::2"), Taken: true, By: []pve.MAC{stranger}, Ports: []string{"eno1"}}
		g, err := s.acquire(want6(102))
		if err == nil {
			s.stored()
			_, _, err = s.t.Decline(s.w, lease.Claim{ID: "next", At: now}, g, []lease.Heard{printer})
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 59 { // within the hour
			s.haunted(t, want6(101), port, 9)
			s.w.Now = s.w.Now.Add(time.Minute)
		}
		if at := s.t.At(lease.Key{Segment: g.Lease.Segment, Addr: printer.Addr}); len(at) != 1 || at[0].MAC != stranger {
			t.Errorf("port %s: the printer's mark has become %+v", port, at)
		}
	}
}

// A guest's port doesn't take over the mark that another start made of an
// uplink's stranger in the same window, to push it out as one of its own.
func TestMarkKeepsItsPort(t *testing.T) {
	t.Parallel()
	for port, then := range map[string]string{"veth104i0": "pve2:eno1", "eno2": "pve1:eno2", "": ""} {
		s := newScene()
		g, err := s.acquire(want(101, ""))
		if err != nil {
			t.Fatal(err)
		}
		s.has(103, lease.Conflicted, g.Spares[0].String(), func(l *lease.Lease) { l.Port = "pve2:eno1" })
		heard := []lease.Heard{{Addr: g.Lease.Addr, Taken: true}, {Addr: g.Spares[0], Taken: true, By: []pve.MAC{stranger}, Ports: []string{port}}}
		if _, _, err := s.t.Decline(s.w, lease.Claim{ID: "next", At: now}, g, heard); err != nil {
			t.Fatal(err)
		}
		if at := s.t.Everywhere(g.Spares[0]); len(at) != 1 || at[0].MAC != stranger || at[0].Port != then {
			t.Errorf("heard on %q: %+v", port, at)
		}
	}
}

// Of several voices the one that is no guest's makes the mark.
func TestMarkIsOfTheUplinksStranger(t *testing.T) {
	t.Parallel()
	s := newScene()
	g, err := s.acquire(want(101, ""))
	if err != nil {
		t.Fatal(err)
	}
	heard := lease.Heard{Addr: g.Lease.Addr, Taken: true, By: []pve.MAC{mac(1), mac(2), stranger}, Ports: []string{"veth104i0", "tap105i0", "eno1"}}
	if _, _, err := s.t.Decline(s.w, lease.Claim{ID: "next", At: now}, g, []lease.Heard{heard}); err != nil {
		t.Fatal(err)
	}
	if at := s.t.At(g.Lease.Key); len(at) != 1 || at[0].Port != "pve1:eno1" || at[0].MAC != stranger {
		t.Errorf("%+v", at)
	}
}

// marked puts marks of this age into the table, one a generation.
func (s *scene) marked(n int, age time.Duration, edit ...func(*lease.Lease)) *scene {
	for range n {
		i := s.t.Generation
		l := lease.Lease{
			Key:   lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: ip(fmt.Sprintf("10.0.%d.%d", 1+i/200, 1+i%200))},
			State: lease.Conflicted, MAC: stranger, Since: s.w.Now.Add(-age), Gen: i,
		}
		for _, e := range edit {
			e(&l)
		}
		s.t.Add(l)
		s.stored()
	}
	return s
}

// Marks past their time go with the next claim; what an older version left in
// excess goes too, of the young ones the last that came.
func TestForgetMarks(t *testing.T) {
	t.Parallel()
	six := func(l *lease.Lease) { l.Addr = ip(fmt.Sprintf("2001:db8::%x", l.Gen)) }
	other := func(l *lease.Lease) { l.Segment = pve.NewSegment("vmbr1", 0) }
	for name, c := range map[string]struct {
		s           *scene
		left        int
		first, last string // of those that are left
	}{
		"none":                    {newScene(), 0, "", ""},
		"young":                   {newScene().marked(3, time.Minute), 3, "10.0.1.1", "10.0.1.3"},
		"of last week":            {newScene().marked(2, 8*24*time.Hour).marked(1, 6*24*time.Hour), 1, "10.0.1.3", "10.0.1.3"},
		"too many within an hour": {newScene().marked(9000, time.Minute, six), 64, "2001:db8::", "2001:db8::3f"},
		"too many of yesterday":   {newScene().marked(100, 24*time.Hour), 64, "10.0.1.37", "10.0.1.100"},
		"two networks":            {newScene().marked(64, time.Minute).marked(64, time.Minute, other), 128, "10.0.1.1", "10.0.1.128"},
		"two families":            {newScene().marked(64, time.Minute).marked(64, time.Minute, six), 128, "10.0.1.1", "2001:db8::7f"},
	} {
		s := c.s
		if _, err := s.acquire(want(101, "")); err != nil {
			t.Fatal(err)
		}
		got := s.marks()
		if len(got) != c.left || c.left > 0 && (got[0] != c.first || got[len(got)-1] != c.last) {
			t.Errorf("%s: %d are left, from %v", name, len(got), got[:min(3, len(got))])
		}
		if s.t.Len() != c.left+1 {
			t.Errorf("%s: %d records beside the marks", name, s.t.Len()-c.left)
		}
	}
}

// A clock that was ahead makes no mark last for ever.
func TestMarkOfTheFuture(t *testing.T) {
	t.Parallel()
	s := newScene().marked(1, -1000*24*time.Hour)
	s.t.ForgetMarks(s.w)
	if s.w.Now = s.w.Now.Add(8 * 24 * time.Hour); len(s.t.ForgetMarks(s.w)) != 1 || !s.t.Changed() || s.t.Len() != 0 {
		t.Errorf("it stays: %v", s.marks())
	}
}

// A record that lies beside a mark, as after pools were merged, stays.
func TestMarkGoesAlone(t *testing.T) {
	t.Parallel()
	s := newScene().has(102, lease.Bound, "10.0.0.205", func(l *lease.Lease) { l.Segment = pve.NewSegment("vmbr0", 0, "pve1") })
	s.has(103, lease.Conflicted, "10.0.0.205", ago(2*time.Hour))
	if gone := s.t.ReclaimMarks(s.w); len(gone) != 1 || gone[0].Addr != ip("10.0.0.205") {
		t.Errorf("%+v", gone)
	}
	if left := s.t.Everywhere(ip("10.0.0.205")); len(left) != 1 || left[0].Owner != ct(102) || len(s.t.Of(ct(102))) != 1 {
		t.Errorf("left: %+v", left)
	}
}

func TestReclaimMarks(t *testing.T) {
	t.Parallel()
	s := newScene().marked(2, 2*time.Hour).marked(3, time.Minute)
	if gone := s.t.ReclaimMarks(s.w); len(gone) != 2 || len(s.marks()) != 3 {
		t.Errorf("gone %+v, left %v", gone, s.marks())
	}
}
