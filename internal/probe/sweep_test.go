package probe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// sweepCase is one sweep over 254 addresses, on a clock that only tests have.
type sweepCase struct {
	arrange func(*fakeWire)
	change  func(*Sweep)
	want    []string // who was found
	doubt   string
	sent    int
}

func (c sweepCase) run(t *testing.T) {
	w := newWire(t)
	if c.arrange != nil {
		c.arrange(w)
	}
	s := Sweep{Addrs: hostsOf(netip.MustParsePrefix("10.0.0.0/24")), Pace: SweepPreset(254, false)}
	if c.change != nil {
		c.change(&s)
	}
	began := time.Now()
	p := fakePort(w)
	p.ear = w.ear
	r, err := p.Sweep(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, a := range r.Found {
		found = append(found, a.Addr.String()+" "+a.Verdict.String()+" "+a.Reason)
	}
	if diff := cmp.Diff(c.want, found); diff != "" {
		t.Error(diff)
	}
	if r.Doubt != c.doubt {
		t.Errorf("doubt %q, want %q", r.Doubt, c.doubt)
	}
	if r.Sent != c.sent {
		t.Errorf("%d packets, want %d", r.Sent, c.sent)
	}
	if took, most := time.Since(began), s.Pace.Duration(254)+s.Pace.Gap+s.Pace.Wait; took > most { // in the bubble's time
		t.Errorf("it took %s, want at most %s", took, most)
	}
	time.Sleep(time.Second) // lets the late ones speak before the bubble ends
}

// silent254 is how many packets a sweep of a silent /24 takes.
const silent254 = 3 * 254

func TestSweep(t *testing.T) {
	t.Parallel()
	aliceAnswers := []string{"10.0.0.201 taken BC:24:11:00:00:0A answers on port eno1"}
	lossy := func(drops ...uint32) func(*fakeWire) {
		return func(w *fakeWire) { w.drops = append([]uint32{9}, drops...) } // the 9 were before
	}
	failing := func(err error, when func(nth int) bool) func(*fakeWire) {
		return func(w *fakeWire) {
			w.on = func(_ *fakeWire, _ netip.Addr, nth int) error {
				if when(nth) {
					return err
				}
				return nil
			}
		}
	}
	for name, c := range map[string]sweepCase{
		"silence":             {sent: silent254},
		"one answers":         {arrange: answering(time.Millisecond, alice, first), want: aliceAnswers, sent: silent254 - 1},
		"one answers late":    {arrange: answering(290*time.Millisecond, alice, first), want: aliceAnswers, sent: silent254 - 1},
		"announces unasked":   {arrange: func(w *fakeWire) { w.queue <- frameOf(1, alice, first, first) }, want: []string{"10.0.0.201 taken BC:24:11:00:00:0A announces it"}, sent: silent254 - 1},
		"outside is not ours": {arrange: func(w *fakeWire) { w.queue <- replyOf(alice, netip.MustParseAddr("10.0.1.1")) }, sent: silent254},
		"probes too":          {arrange: func(w *fakeWire) { w.queue <- frameOf(1, bob, nobody, first) }, want: []string{"10.0.0.201 contended BC:24:11:00:00:0B probes for it too"}, sent: silent254},
		"sweeps too": {arrange: func(w *fakeWire) {
			for _, a := range hostsOf(netip.MustParsePrefix("10.0.0.0/26")) {
				w.queue <- frameOf(1, bob, nobody, a)
			}
		}, sent: silent254},
		"the second of two answers once": {arrange: func(w *fakeWire) {
			n := 0
			w.on = func(w *fakeWire, asked netip.Addr, _ int) error {
				if asked == first {
					w.arrive(time.Millisecond, replyOf(alice, first))
					if n++; n == 2 {
						w.arrive(2*time.Millisecond, replyOf(bob, first))
					}
				}
				return nil
			}
		}, want: []string{aliceAnswers[0] + " (and 1 more)"}, sent: silent254 - 1},
		"drops before":         {arrange: lossy(), sent: silent254},
		"drops in one round":   {arrange: lossy(5), sent: silent254 + 254},
		"drops in the second":  {arrange: lossy(0, 5), doubt: "the kernel dropped 5 packets on vmbr0 before they were read", sent: silent254 + 254},
		"drops again":          {arrange: lossy(5, 0, 7), doubt: "the kernel dropped 7 packets on vmbr0 before they were read", sent: silent254 + 254},
		"a packet is not sent": {arrange: failing(unix.ENOBUFS, func(n int) bool { return n == 7 }), sent: silent254 + 253},
		"the link goes":        {arrange: failing(unix.ENETDOWN, func(n int) bool { return n > 300 }), doubt: "sending on vmbr0: network is down", sent: 300},
		"deaf":                 {arrange: func(w *fakeWire) { w.deafErr = unix.ENETDOWN }, doubt: "listening on vmbr0: network is down"},
		"gateway silent": {
			change: func(s *Sweep) { s.Gateway, s.GatewayKnown = gatewayIP, true }, sent: silent254,
			doubt: "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning",
		},
		"gateway elsewhere answers": {
			arrange: answering(time.Millisecond, alice, netip.MustParseAddr("10.9.9.9")),
			change:  func(s *Sweep) { s.Gateway, s.GatewayKnown = netip.MustParseAddr("10.9.9.9"), true }, sent: silent254 + 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, c.run)
		})
	}
}

// A slow pace is kept, and what is told of the progress makes sense.
func TestSweepPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		answering(time.Millisecond, alice, first)(w)
		var told []Progress
		pace := SweepPace{Rate: 10, Rounds: 2, Gap: time.Second, Wait: time.Second}
		s := Sweep{Addrs: candidates, Pace: pace, Progress: func(p Progress) { told = append(told, p) }}
		if _, err := fakePort(w).Sweep(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(w.sent); i++ {
			if gap := w.sent[i].Sub(w.sent[i-1]); gap < 90*time.Millisecond {
				t.Errorf("packet %d came %s after the one before", i, gap)
			}
		}
		want := []Progress{{Sent: 0, Planned: 6}, {Sent: 3, Planned: 6, Found: 1}}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}

// After a stall nothing comes in a burst that would lose answers.
func TestSweepAfterStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.on = func(_ *fakeWire, _ netip.Addr, nth int) error {
			if nth == 100 {
				time.Sleep(time.Minute)
			}
			return nil
		}
		addrs := hostsOf(netip.MustParsePrefix("10.0.0.0/20"))
		if _, err := fakePort(w).Sweep(t.Context(), Sweep{Addrs: addrs, Pace: SweepPace{Rate: 2000, Rounds: 1, Wait: time.Second}}); err != nil {
			t.Fatal(err)
		}
		burst := 0
		for _, at := range w.sent[100:] {
			if at.Sub(w.sent[100]) < time.Millisecond {
				burst++
			}
		}
		if burst > sweepBurst {
			t.Errorf("%d packets at once", burst)
		}
	})
}

func TestSweepEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		answering(time.Millisecond, alice, netip.MustParseAddr("10.0.0.9"))(w)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("interrupted")) })
		r, err := fakePort(w).Sweep(ctx, Sweep{Addrs: hostsOf(netip.MustParsePrefix("10.0.0.0/24")), Pace: SweepPreset(254, false)})
		const want = "the sweep on vmbr0 was ended early: interrupted"
		if err == nil || err.Error() != want || r.Doubt != want {
			t.Errorf("got %v and doubt %q", err, r.Doubt)
		}
		if len(r.Found) != 1 || r.Sent > 110 {
			t.Errorf("found %v with %d packets", r.Found, r.Sent)
		}
	})
}

func TestSweepRefuses(t *testing.T) {
	t.Parallel()
	six := []netip.Addr{netip.MustParseAddr("2001:db8::1")}
	for want, s := range map[string]Sweep{
		"2001:db8::1 is no IPv4 address; ARP cannot ask for it":         {Addrs: six, Pace: SweepPreset(1, false)},
		"gateway 2001:db8::1 is no IPv4 address; ARP cannot ask for it": {Gateway: six[0], Pace: SweepPreset(1, false)},
		"a sweep needs a rate, at least one round, and a time to wait":  {},
	} {
		w := newWire(t)
		if _, err := fakePort(w).Sweep(t.Context(), s); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if len(w.sent) > 0 {
			t.Error("packets were sent")
		}
	}
}

// Real hosts, each with a MAC address of its own, two of which share one
// address, and one that only announces itself.
func TestSweepOnTheWire(t *testing.T) {
	t.Parallel()
	for name, fast := range map[string]bool{"default": false, "fast": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, lan, _, p := wired(t)
			addrs := hostsOf(netip.MustParsePrefix("10.9.0.0/21"))
			want := map[netip.Addr][]pve.MAC{}
			for a, s := range crowded(f, lan, addrs, 300) {
				want[a] = []pve.MAC{s.MAC}
			}
			kernel := f.Host(lan, addrs[0].String()+"/21")
			want[addrs[0]] = append(want[addrs[0]], kernel.MAC)
			quiet := addrs[len(addrs)-1]
			want[quiet] = []pve.MAC{f.Stranger(lan, lab.Script{Addrs: []netip.Addr{quiet}, Mute: true, Announce: 50 * time.Millisecond}).MAC}
			r, err := p.Sweep(t.Context(), Sweep{Addrs: addrs, Pace: SweepPreset(len(addrs), fast)})
			f.Must(err)
			got := map[netip.Addr][]pve.MAC{}
			for _, a := range r.Found {
				got[a.Addr] = a.MACs
				if slices.Contains(a.Ports, "") || a.Verdict != Taken {
					t.Errorf("%+v", a)
				}
			}
			if diff := cmp.Diff(spelled(want), spelled(got)); diff != "" {
				t.Error(diff)
			}
			if r.Doubt != "" || r.Asked != len(addrs) {
				t.Errorf("doubt %q, asked %d", r.Doubt, r.Asked)
			}
		})
	}
}

// spelled is who has which address, in words that can be compared.
func spelled(all map[netip.Addr][]pve.MAC) map[string][]string {
	out := map[string][]string{}
	for a, macs := range all {
		for _, m := range macs {
			out[a.String()] = append(out[a.String()], m.String())
		}
		slices.Sort(out[a.String()])
	}
	return out
}
