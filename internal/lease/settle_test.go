package lease_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

var stranger = pve.MAC{0x52, 0x54, 0, 1, 2, 3}

func silent(addrs ...string) (h []lease.Heard) {
	for _, a := range addrs {
		h = append(h, lease.Heard{Addr: ip(a), Silent: true})
	}
	return h
}

func takenBy(m pve.MAC, addrs ...string) (h []lease.Heard) {
	for _, a := range addrs {
		h = append(h, lease.Heard{Addr: ip(a), Taken: true, By: []pve.MAC{m}})
	}
	return h
}

func TestDecline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		scene  *scene
		want   lease.Want
		heard  []lease.Heard
		addr   string
		proved bool
		marked string
		fails  string
	}{
		{name: "a silent spare", scene: newScene(), want: want(101, ""), heard: append(takenBy(stranger, "10.0.0.200"), silent("10.0.0.201", "10.0.0.202")...), addr: "10.0.0.201", proved: true, marked: "10.0.0.200"},
		{name: "the second spare", scene: newScene(), want: want(101, ""), heard: append(takenBy(stranger, "10.0.0.200", "10.0.0.201"), silent("10.0.0.202")...), addr: "10.0.0.202", proved: true, marked: "10.0.0.200 10.0.0.201"},
		{name: "no spare left: a new round", scene: newScene(), want: want(101, ""), heard: append(takenBy(stranger, "10.0.0.200", "10.0.0.201"), takenBy(mac(9), "10.0.0.202")...), addr: "10.0.0.203", marked: "10.0.0.200 10.0.0.201 10.0.0.202"},
		{name: "contended is no conflict", scene: newScene(), want: want(101, ""), heard: append([]lease.Heard{{Addr: ip("10.0.0.200"), Contended: true, By: []pve.MAC{stranger}}}, silent("10.0.0.201")...), addr: "10.0.0.201", proved: true},
		{name: "a renewal moves", scene: newScene().has(101, lease.Released, "10.0.0.205"), want: want(101, "10.0.0.205/24"), heard: append(takenBy(stranger, "10.0.0.205"), silent("10.0.0.200")...), addr: "10.0.0.200", proved: true, marked: "10.0.0.205"},
		{name: "static never moves", scene: newScene(), want: want(101, "10.0.0.50/24"), heard: takenBy(stranger, "10.0.0.50"), fails: "in use on the wire"},
		{name: "on-conflict fail", scene: newScene(lan(func(p *lease.Pool) { p.Fail = true })).has(101, lease.Released, "10.0.0.205"), want: want(101, "10.0.0.205/24"), heard: takenBy(stranger, "10.0.0.205"), fails: "in use on the wire"},
		{name: "a spare that a sibling claimed meanwhile", scene: newScene().names(104, lease.Running, "10.0.0.201"), want: want(101, ""), heard: append(takenBy(stranger, "10.0.0.200"), silent("10.0.0.201", "10.0.0.202")...), addr: "10.0.0.202", proved: true, marked: "10.0.0.200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g, err := tt.scene.acquire(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			if len(g.Spares) > 0 && tt.name == "a spare that a sibling claimed meanwhile" {
				g.Spares = []netip.Addr{ip("10.0.0.201"), ip("10.0.0.202")}
			}
			next, proved, err := tt.scene.t.Decline(tt.scene.w, lease.Claim{ID: "next", Node: "pve1", At: now}, g, tt.heard)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("error %v, want %q", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if next.Lease.Addr != ip(tt.addr) || proved != tt.proved {
				t.Errorf("moved to %s (proved %v), want %s (%v)", next.Lease.Addr, proved, tt.addr, tt.proved)
			}
			var marked []string
			for l := range tt.scene.t.All() {
				if l.State == lease.Conflicted {
					marked = append(marked, l.Addr.String())
				}
			}
			if got := strings.Join(marked, " "); got != tt.marked {
				t.Errorf("marked %q, want %q", got, tt.marked)
			}
			if own := tt.scene.t.Of(ct(101)); len(own) != 1 || own[0].Addr != ip(tt.addr) {
				t.Errorf("owner has %+v", own)
			}
		})
	}
}

// TestDeclineSparesItsOwn: a released guest that runs without its hook having
// been called answers on its own address; it is no stranger.
func TestDeclineSparesItsOwn(t *testing.T) {
	t.Parallel()
	s := newScene()
	g, err := s.acquire(want(101, ""))
	if err != nil {
		t.Fatal(err)
	}
	s.has(102, lease.Released, "10.0.0.201")
	heard := append(takenBy(stranger, "10.0.0.200"), takenBy(mac(102), "10.0.0.201")...)
	if _, _, err := s.t.Decline(s.w, lease.Claim{ID: "next", At: now}, g, heard); err != nil {
		t.Fatal(err)
	}
	if l := s.t.Of(ct(102))[0]; l.State != lease.Bound {
		t.Errorf("the guest's lease is %s, want bound", l.State)
	}
}

// TestStoppedGuestThatRuns: without quorum a guest comes up with a lease that
// stays released. When it is given away much later, the guest answers, and has
// it back; if that start broke off and another one goes on, likewise.
func TestStoppedGuestThatRuns(t *testing.T) {
	t.Parallel()
	one := lan(func(p *lease.Pool) { p.Ranges = []pve.Range{{First: ip("10.0.0.200"), Last: ip("10.0.0.200")}} })
	for _, broken := range []bool{false, true} {
		s := newScene(one).has(102, lease.Released, "10.0.0.200", func(l *lease.Lease) { l.Since = now.Add(-48 * time.Hour) }).names(102, lease.Running, "10.0.0.200")
		g := s.w.Inventory.Guests[102]
		g.MACs = []pve.MAC{mac(102)}
		s.w.Inventory.Guests[102] = g
		granted, err := s.acquire(want(101, ""))
		if broken && err == nil {
			granted, err = s.acquire(want(101, ""))
		}
		if err != nil || granted.Lease.Addr != ip("10.0.0.200") || granted.PreviousOwner != ct(102) {
			t.Fatalf("%+v, %v", granted, err)
		}
		var full *lease.ExhaustedError
		_, _, err = s.t.Decline(s.w, lease.Claim{ID: "next", At: now}, granted, takenBy(mac(102), "10.0.0.200"))
		if !errors.As(err, &full) {
			t.Errorf("%v", err)
		}
		if of := s.t.Of(ct(102)); len(of) != 1 || of[0].State != lease.Bound || of[0].Claim.Node != "pve1" || s.t.Len() != 1 {
			t.Errorf("a start before that broke off %v: %+v", broken, of)
		}
	}
}

func TestTakenAndContended(t *testing.T) {
	t.Parallel()
	s := newScene()
	g, err := s.acquire(want(101, ""))
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.acquire(want(102, ""))
	if err != nil {
		t.Fatal(err)
	}
	s.t.Known("pve2", "1.0", mac(7))
	probing := func(m pve.MAC) []lease.Heard {
		return []lease.Heard{{Addr: g.Lease.Addr, Contended: true, By: []pve.MAC{m}}}
	}
	for name, tt := range map[string]struct {
		heard            []lease.Heard
		taken, contended bool
	}{
		"silent":            {silent("10.0.0.200"), false, false},
		"taken":             {takenBy(stranger, "10.0.0.200"), true, false},
		"a spare is taken":  {takenBy(stranger, "10.0.0.201"), false, false},
		"a sibling probes":  {probing(mac(7)), false, false},
		"a stranger probes": {probing(stranger), false, true},
		// Where ports are made that are like the guests'.
		"its stand-in probes":        {probing(mac(7).StandIn()), false, false},
		"a starting guest probes":    {probing(other.Want.MAC), false, false},
		"its stand-in probes for it": {probing(other.Want.MAC.StandIn()), false, false},
		"a stranger's stand-in":      {probing(stranger.StandIn()), false, true},
	} {
		if taken, contended := g.Taken(tt.heard), s.t.Contended(g, tt.heard); taken != tt.taken || contended != tt.contended {
			t.Errorf("%s: taken %v, contended %v", name, taken, contended)
		}
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		then func(*scene)
		lost string
	}{
		{"nothing changed", func(*scene) {}, ""},
		{"a config names it now", func(s *scene) { s.names(103, lease.Running, "10.0.0.200") }, "named by the config of CT 103"},
		{"a snapshot names it now", func(s *scene) { s.names(103, lease.Snapshot, "10.0.0.200") }, ""},
		{"claimed anew", func(s *scene) {
			s.t = lease.NewTable()
			s.has(101, lease.Bound, "10.0.0.200")
		}, "taken back"},
		{"freed by hand", func(s *scene) { s.t.Free(pve.Container, 101, now) }, "taken back"},
		{"leased to another", func(s *scene) {
			s.t = lease.NewTable()
			s.has(102, lease.Bound, "10.0.0.200")
		}, "is leased to CT 102"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			g, err := s.acquire(want(101, ""))
			if err != nil {
				t.Fatal(err)
			}
			tt.then(s)
			err = s.t.Confirm(s.w, []lease.Grant{g})
			var lost *lease.LostError
			if tt.lost == "" && err != nil || tt.lost != "" && (!errors.As(err, &lost) || !strings.Contains(err.Error(), tt.lost)) {
				t.Errorf("confirm: %v, want %q", err, tt.lost)
			}
		})
	}
}

// TestLargePool: the price of a lease doesn't grow with the pool.
func BenchmarkAcquire(b *testing.B) {
	for name, last := range map[string]string{"256": "10.0.0.255", "65536": "10.0.255.255"} {
		b.Run(name, func(b *testing.B) {
			s := newScene(lan(func(p *lease.Pool) {
				p.Subnet = netip.MustParsePrefix("10.0.0.0/16")
				p.Ranges[0] = pve.Range{First: ip("10.0.0.0"), Last: ip(last)}
			}))
			for i := range 200 {
				s.has(pve.VMID(1000+i), lease.Bound, ip("10.0.0.2").String(), func(l *lease.Lease) {
					l.Addr = pve.Range{First: ip("10.0.0.0")}.First
					for range i + 2 {
						l.Addr = l.Addr.Next()
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.acquire(want(101, "")); err != nil {
					b.Fatal(err)
				}
				s.t.Free(pve.Container, 101, now.Add(-time.Hour))
			}
		})
	}
}
