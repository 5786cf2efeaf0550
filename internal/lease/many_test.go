package lease_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// lan6 is the IPv6 half of the pool lan.
func lan6(edit ...func(*lease.Pool)) lease.Pool {
	p := lan(func(p *lease.Pool) {
		p.Subnet, p.Gateway = netip.MustParsePrefix("2001:db8::/64"), lease.Gateway{Addr: ip("2001:db8::1")}
		p.Ranges = []pve.Range{{First: ip("2001:db8::"), Last: ip("2001:db8::ffff:ffff:ffff:ffff")}}
	})
	for _, e := range edit {
		e(&p)
	}
	return p
}

// nic is another interface of the guest of a want, and its family.
func nic(w lease.Want, n int, f pve.Family) lease.Want {
	w.Owner.NIC, w.Family = n, f
	w.MAC[4] = byte(n)
	return w
}

func all(p *lease.Pool) { p.NICs = pve.AllNICs }

// granted is what was granted, as "net1 10.0.0.201/24 via 10.0.0.1".
func granted(gs []lease.Grant) (out []string) {
	for _, g := range gs {
		s := strings.TrimPrefix(g.Lease.Owner.String(), "ct/101/") + " " + g.Address.String()
		if g.Gateway.IsValid() {
			s += " via " + g.Gateway.String()
		}
		out = append(out, s)
	}
	return out
}

func (s *scene) acquireAll(ws ...lease.Want) ([]lease.Grant, error) {
	return s.t.Acquire(s.w, lease.Claim{ID: "new", Node: s.w.Node, Boot: "b1", Up: time.Minute, At: now}, ws)
}

func TestAcquireForAllNICs(t *testing.T) {
	t.Parallel()
	w := want(101, "")
	router := func(w lease.Want, gw string) lease.Want {
		w.Gateway = ip(gw)
		return w
	}
	routed := func(w lease.Want) lease.Want { w.Routed = true; return w }
	none := func(p *lease.Pool) { p.Gateway = lease.Gateway{None: true} }
	static := want(101, "10.0.0.9/24")
	for _, c := range []struct {
		name  string
		scene *scene
		wants []lease.Want
		want  []string
		notes string
	}{
		{
			name: "both families of one NIC", scene: newScene(lan(), lan6()), wants: []lease.Want{w, nic(w, 0, pve.IPv6)},
			want: []string{"net0 10.0.0.200/24 via 10.0.0.1", "net0 2001:db8::2/64 via 2001:db8::1"},
		},
		{
			name: "the lowest NIC has the gateway", scene: newScene(lan(all), lan6(all)),
			wants: []lease.Want{w, nic(w, 0, pve.IPv6), nic(w, 2, pve.IPv4), nic(w, 2, pve.IPv6)},
			want: []string{
				"net0 10.0.0.200/24 via 10.0.0.1", "net0 2001:db8::2/64 via 2001:db8::1",
				"net2 10.0.0.201/24", "net2 2001:db8::3/64",
			},
			notes: "net2 gets no gateway, since net0 has the IPv4 default route",
		},
		{
			name: "gateway none steps aside", scene: newScene(lan(none), lan(func(p *lease.Pool) { p.Bridge, p.NICs = "vmbr1", pve.NICs(0).With(1) })),
			wants: []lease.Want{w, func() lease.Want { x := nic(w, 1, pve.IPv4); x.Bridge = "vmbr1"; return x }()},
			want:  []string{"net0 10.0.0.200/24", "net1 10.0.0.200/24 via 10.0.0.1"},
		},
		{
			name: "a static address keeps its gateway", scene: newScene(lan(all)),
			wants: []lease.Want{w, nic(static, 1, pve.IPv4)},
			want:  []string{"net0 10.0.0.200/24", "net1 10.0.0.9/24 via 10.0.0.1"},
			notes: "net0 gets no gateway, since net1 has the IPv4 default route",
		},
		{
			name: "a NIC that isn't ours has a gateway", scene: newScene(lan(all)), wants: []lease.Want{routed(w)},
			want: []string{"net0 10.0.0.200/24"}, notes: "since another interface has the IPv4 default route",
		},
		{
			name: "what is there already stays", scene: newScene(lan(all)), wants: []lease.Want{routed(router(w, "10.0.0.1"))},
			want: []string{"net0 10.0.0.200/24 via 10.0.0.1"},
		},
		{
			name: "no gateway is no news", scene: newScene(lan(all)),
			wants: []lease.Want{want(101, "10.0.0.200/24"), func() lease.Want {
				x := nic(want(101, "10.0.0.201/24"), 1, pve.IPv4)
				x.Gateway = netip.Addr{}
				return x
			}()},
			want: []string{"net0 10.0.0.200/24 via 10.0.0.1", "net1 10.0.0.201/24"},
		},
		{
			name: "one address on two NICs", scene: newScene(lan(all)),
			wants: []lease.Want{want(101, "10.0.0.205/24"), nic(want(101, "10.0.0.205/24"), 1, pve.IPv4)},
			want:  []string{"net0 10.0.0.205/24 via 10.0.0.1", "net1 10.0.0.200/24"},
			notes: "10.0.0.205, which net1 names, is leased to CT 101 since",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			gs, err := c.scene.acquireAll(c.wants...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, granted(gs)); diff != "" {
				t.Error(diff)
			}
			var notes []string
			for _, g := range gs {
				notes = append(notes, g.Notes...)
			}
			if got := strings.Join(notes, "\n"); !strings.Contains(got, c.notes) || c.notes == "" && got != "" {
				t.Errorf("notes %q, want %q", got, c.notes)
			}
		})
	}
}

// Nobody is given a spare that a mate was granted or may be given.
func TestSparesAreNotShared(t *testing.T) {
	t.Parallel()
	s := newScene(lan(all))
	w := want(101, "")
	gs, err := s.acquireAll(w, nic(w, 1, pve.IPv4), nic(w, 2, pve.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[netip.Addr]bool{}
	for _, g := range gs {
		for _, a := range append([]netip.Addr{g.Lease.Addr}, g.Spares...) {
			if seen[a] {
				t.Errorf("%s is asked for twice: %v", a, gs)
			}
			seen[a] = true
		}
	}
	if len(seen) != 9 {
		t.Errorf("%d addresses are asked for, want 9", len(seen))
	}
	// A loser keeps what was decided about its gateway.
	next, proved, err := s.t.Decline(s.w, lease.Claim{ID: "next", At: now}, gs[1], []lease.Heard{
		{Addr: gs[1].Lease.Addr, Taken: true, By: []pve.MAC{{6, 6}}}, {Addr: gs[1].Spares[0], Silent: true},
	})
	if err != nil || !proved || next.Lease.Addr != gs[1].Spares[0] || next.Gateway.IsValid() {
		t.Errorf("%+v, %t, %v", next, proved, err)
	}
}

// A lease of one family, or on another NIC, is not touched by a change of the
// other.
func TestLeasesOfOneGuestAreApart(t *testing.T) {
	t.Parallel()
	s := newScene(lan(all), lan6(all))
	w := want(101, "")
	ws := []lease.Want{w, nic(w, 0, pve.IPv6), nic(w, 1, pve.IPv4)}
	if _, err := s.acquireAll(ws...); err != nil {
		t.Fatal(err)
	}
	ws[0].Move = true
	gs, err := s.acquireAll(ws...)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"net0 10.0.0.202/24 via 10.0.0.1", "net0 2001:db8::2/64 via 2001:db8::1", "net1 10.0.0.201/24"}
	if diff := cmp.Diff(want, granted(gs)); diff != "" {
		t.Error(diff)
	}
	if n := len(s.t.Guest(pve.Container, 101)); n != 3 {
		t.Errorf("%d leases, want 3", n)
	}
	err = s.t.Move(s.w, lease.Claim{ID: "moved", At: now}, lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: ip("2001:db8::77")}, ws[0])
	if err != nil {
		t.Fatal(err)
	}
	var addrs []string
	for _, l := range s.t.Of(ct(101)) {
		addrs = append(addrs, l.Addr.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.202", "2001:db8::77"}, addrs, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
}

// An error of one want leaves nothing that may be stored, whatever the others
// were granted.
func TestAcquireAllOrNone(t *testing.T) {
	t.Parallel()
	s := newScene(lan(all, func(p *lease.Pool) { p.Ranges[0].Last = ip("10.0.0.200") }))
	w := want(101, "")
	var full *lease.ExhaustedError
	if gs, err := s.acquireAll(w, nic(w, 1, pve.IPv4)); !errors.As(err, &full) || gs != nil {
		t.Errorf("%v, %v", gs, err)
	}
}

func TestIPv6Candidates(t *testing.T) {
	t.Parallel()
	strategy := func(s lease.Strategy) func(*lease.Pool) { return func(p *lease.Pool) { p.Strategy = s } }
	ranges := func(first, last string) func(*lease.Pool) {
		return func(p *lease.Pool) { p.Ranges = []pve.Range{{First: ip(first), Last: ip(last)}} }
	}
	subnet := func(s string) func(*lease.Pool) {
		return func(p *lease.Pool) {
			p.Subnet, p.Gateway = netip.MustParsePrefix(s), lease.Gateway{}
			p.Ranges = []pve.Range{{First: p.Subnet.Addr(), Last: ip("2001:db8::ffff")}}
		}
	}
	for _, c := range []struct {
		name string
		pool lease.Pool
		mac  string
		want string
		why  string
	}{
		{name: "not the router's anycast address, nor the gateway", pool: lan6(), want: "2001:db8::2", why: "lowest free address"},
		{name: "the digits of the VMID", pool: lan6(strategy(lease.ByVMID)), want: "2001:db8::101", why: "from the VMID on"},
		{name: "the VMID round the range", pool: lan6(strategy(lease.ByVMID), ranges("2001:db8::f000", "2001:db8::f00f")), want: "2001:db8::f005"},
		{name: "EUI-64", pool: lan6(strategy(lease.EUI64)), mac: "BC:24:11:00:01:00", want: "2001:db8::be24:11ff:fe00:100", why: "from its MAC address"},
		{name: "EUI-64 outside of the range", pool: lan6(strategy(lease.EUI64), ranges("2001:db8::f000", "2001:db8::f000")), mac: "BC:24:11:00:01:00", want: "2001:db8::f000"},
		{name: "EUI-64 of a MAC in IANA's block is reserved", pool: lan6(strategy(lease.EUI64), ranges("2001:db8::200:5eff:fe00:0", "2001:db8::200:5eff:ff00:0")), mac: "00:00:5E:00:01:00", want: "2001:db8::200:5eff:ff00:0"},
		{name: "no EUI-64 without a MAC", pool: lan6(strategy(lease.EUI64), ranges("2001:db8::f000", "2001:db8::f000")), want: "2001:db8::f000"},
		{name: "subnet anycast of a /64", pool: lan6(ranges("2001:db8::fdff:ffff:ffff:ff80", "2001:db8::fe00:0:0:0")), want: "2001:db8:0:0:fe00::"},
		{name: "subnet anycast of a /112", pool: lan6(subnet("2001:db8::/112"), func(p *lease.Pool) {
			p.Ranges = []pve.Range{{First: ip("2001:db8::ff80"), Last: ip("2001:db8::ffff")}, {First: ip("2001:db8::7"), Last: ip("2001:db8::7")}}
		}), want: "2001:db8::7"},
		{name: "a /120 is leased to its end", pool: lan6(subnet("2001:db8::/120"), ranges("2001:db8::ff", "2001:db8::ff")), want: "2001:db8::ff"},
		{name: "a /127 has no anycast address", pool: lan6(subnet("2001:db8::/127"), ranges("2001:db8::", "2001:db8::1")), want: "2001:db8::"},
		{name: "a /128 has one address", pool: lan6(subnet("2001:db8::5/128"), ranges("2001:db8::5", "2001:db8::5")), want: "2001:db8::5"},
		{name: "an exclude of 2⁶³ addresses is stepped over", pool: lan6(func(p *lease.Pool) {
			p.Excludes = []pve.Range{{First: ip("2001:db8::"), Last: ip("2001:db8::7fff:ffff:ffff:ffff")}}
		}), want: "2001:db8:0:0:8000::"},
		{name: "more than 2⁶⁴ addresses", pool: lan6(subnet("2001:db8::/32"), func(p *lease.Pool) {
			p.Ranges[0] = pve.Range{First: ip("2001:db8:0:1::"), Last: ip("2001:db8:ffff::")}
		}), want: "2001:db8:0:1::"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := nic(want(101, ""), 0, pve.IPv6)
			w.MAC = pve.MAC{}
			if c.mac != "" {
				m, err := pve.ParseMAC(c.mac)
				if err != nil {
					t.Fatal(err)
				}
				w.MAC = m
			}
			g, err := newScene(c.pool).acquire(w)
			if err != nil {
				t.Fatal(err)
			}
			if g.Lease.Addr.String() != c.want || !strings.Contains(g.Why, c.why) {
				t.Errorf("%s (%s), want %s (%s)", g.Lease.Addr, g.Why, c.want, c.why)
			}
		})
	}
}

// Whatever the strategy, the search of a /64 goes round its end and never
// yields what is no host's.
func TestSpreadOverAHugeRange(t *testing.T) {
	t.Parallel()
	s := newScene(lan6(func(p *lease.Pool) { p.Strategy = lease.Spread }))
	var got []netip.Addr
	for id := range pve.VMID(200) {
		g, err := s.acquire(nic(want(1000+id, ""), 0, pve.IPv6))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, g.Lease.Addr)
	}
	slices.SortFunc(got, netip.Addr.Compare)
	if n := len(slices.Compact(got)); n != 200 {
		t.Errorf("%d addresses for 200 guests", n)
	}
}

func TestNICs(t *testing.T) {
	t.Parallel()
	two := pve.NICs(0).With(2).With(0)
	for _, c := range []struct {
		set  pve.NICs
		has  []int
		text string
	}{
		{0, []int{0}, "net0"},
		{pve.NICs(0).With(3), []int{3}, "net3"},
		{two, []int{0, 2}, "net0,net2"},
		{pve.AllNICs, []int{0, 1, 2, 3, 31}, "all"},
	} {
		var has []int
		for _, n := range []int{-1, 0, 1, 2, 3, 31, 32} {
			if c.set.Has(n) {
				has = append(has, n)
			}
		}
		if diff := cmp.Diff(c.has, has); diff != "" || c.set.String() != c.text {
			t.Errorf("%s: %s", c.set, diff)
		}
	}
}

// BenchmarkAcquireIPv6 is the next address of a /64 with 5,000 leases, the
// lowest and therefore the costliest.
func BenchmarkAcquireIPv6(b *testing.B) {
	s := newScene(lan6())
	a := ip("2001:db8::1")
	for i := range 5000 {
		a = a.Next()
		s.has(pve.VMID(1000+i), lease.Bound, a.String())
	}
	for b.Loop() {
		b.StopTimer()
		t := lease.NewTable()
		for l := range s.t.All() {
			t.Add(l)
		}
		b.StartTimer()
		_, err := t.Acquire(s.w, lease.Claim{ID: "new", At: now}, []lease.Want{nic(want(101, ""), 0, pve.IPv6)})
		if err != nil {
			b.Fatal(err)
		}
	}
}
