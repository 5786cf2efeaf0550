package probe

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lease"
)

func verdicts(r Result) string {
	var out []string
	for _, a := range r.Answers {
		out = append(out, a.Verdict.String())
	}
	return strings.Join(out, " ")
}

// Everything that can happen in a window, on a clock that only tests have.
func TestAsk(t *testing.T) {
	t.Parallel()
	answer := func(after time.Duration, from lease.MAC, addrs ...netip.Addr) func(*fakeWire, netip.Addr, int) error {
		return func(w *fakeWire, asked netip.Addr, _ int) error {
			for _, a := range addrs {
				if a == asked {
					w.arrive(after, replyOf(from, a))
				}
			}
			return nil
		}
	}
	both := candidates[:2]
	for name, c := range map[string]struct {
		arrange func(*fakeWire)
		ask     func(*Question)
		want    string
		doubt   string
		sent    int
	}{
		"silence":    {want: "free free", sent: 10},
		"one of two": {arrange: func(w *fakeWire) { w.on = answer(time.Millisecond, alice, first) }, want: "taken free", sent: 7},
		"all taken ends at once": {
			arrange: func(w *fakeWire) { w.on = answer(time.Millisecond, alice, both...) }, want: "taken taken", sent: 3,
		},
		"answers after 400 ms": {
			arrange: func(w *fakeWire) { w.on = answer(400*time.Millisecond, alice, first) }, want: "taken free", sent: 10,
		},
		"answers after the window": {
			arrange: func(w *fakeWire) { w.on = answer(600*time.Millisecond, alice, first) }, want: "free free", sent: 10,
		},
		"answers while we sleep": {
			arrange: func(w *fakeWire) { w.deaf, w.on = true, answer(450*time.Millisecond, alice, first) }, want: "taken free", sent: 10,
		},
		"announced before we ask": {
			arrange: func(w *fakeWire) { w.queue <- replyOf(alice, first) }, want: "taken free", sent: 6,
		},
		"gateway alive": {
			arrange: func(w *fakeWire) { w.on = answer(time.Millisecond, bob, gatewayIP) },
			ask:     func(q *Question) { q.GatewayKnown = true }, want: "free free", sent: 9,
		},
		"gateway silent": {
			ask: func(q *Question) { q.GatewayKnown = true }, want: "unknown unknown", sent: 10,
			doubt: "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning",
		},
		"gateway alive before, silent now": {
			arrange: func(w *fakeWire) { w.queue <- replyOf(bob, gatewayIP) },
			ask:     func(q *Question) { q.GatewayKnown = true }, want: "unknown unknown", sent: 10,
			doubt: "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning",
		},
		"no gateway": {ask: func(q *Question) { q.Gateway = netip.Addr{}; q.GatewayKnown = true }, want: "free free", sent: 8},
		"drops": {
			arrange: func(w *fakeWire) { w.drops = []uint32{0, 5}; w.on = answer(time.Millisecond, alice, first) }, want: "taken unknown", sent: 7,
			doubt: "the kernel dropped 5 ARP packets on vmbr0 before they were read",
		},
		"drops before the window": {arrange: func(w *fakeWire) { w.drops = []uint32{5} }, want: "free free", sent: 10},
		"drops unknown": {
			arrange: func(w *fakeWire) { w.lostErr = unix.EBADF }, want: "unknown unknown",
			doubt: "drops on vmbr0: bad file descriptor",
		},
		"one packet not sent": {
			arrange: func(w *fakeWire) {
				w.on = func(_ *fakeWire, _ netip.Addr, nth int) error {
					if nth == 2 {
						return unix.ENOBUFS
					}
					return nil
				}
			}, want: "unknown unknown", sent: 9, doubt: "sending on vmbr0: no buffer space available",
		},
		"cannot listen": {
			arrange: func(w *fakeWire) { w.deafErr = unix.ENETDOWN }, want: "unknown unknown", doubt: "listening on vmbr0: network is down",
		},
		"goes deaf": {
			arrange: func(w *fakeWire) {
				w.on = func(w *fakeWire, _ netip.Addr, nth int) error {
					w.queue <- replyOf(alice, first)
					time.AfterFunc(50*time.Millisecond, func() { w.deafErr = unix.ENETDOWN })
					return nil
				}
			}, want: "taken unknown", sent: 4, doubt: "listening on vmbr0: network is down",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				if c.arrange != nil {
					c.arrange(w)
				}
				q := Question{Candidates: both, Gateway: gatewayIP, Pace: defaultPace()}
				if c.ask != nil {
					c.ask(&q)
				}
				r, err := fakePort(w).Ask(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if got := verdicts(r); got != c.want {
					t.Errorf("verdicts %s, want %s", got, c.want)
				}
				if r.Doubt != c.doubt {
					t.Errorf("doubt %q, want %q", r.Doubt, c.doubt)
				}
				if r.Sent != c.sent {
					t.Errorf("%d packets, want %d", r.Sent, c.sent)
				}
				time.Sleep(time.Second) // lets the late ones speak before the bubble ends
			})
		})
	}
}

// A flood never makes silence of an answer, nor keeps us for ever.
func TestFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := fakePort(newWire(t))
		p.wire = flood{frame: replyOf(bob, gatewayIP)}
		r, err := p.Ask(t.Context(), Question{Candidates: candidates, Pace: defaultPace()})
		if err != nil {
			t.Fatal(err)
		}
		if verdicts(r) != "unknown unknown unknown" || r.Doubt != "more ARP packets come in on vmbr0 than can be read" {
			t.Errorf("got %+v", r)
		}
	})
}

// flood is a wire that never falls silent.
type flood struct{ frame []byte }

func (f flood) send([]byte) error                                  { return nil }
func (f flood) receive(context.Context, time.Time) ([]byte, error) { return f.frame, nil }
func (f flood) lost() (uint32, error)                              { return 0, nil }

// Whatever is asked, no second sees more packets than a switch bears, and a
// further round keeps its distance.
func TestBudget(t *testing.T) {
	t.Parallel()
	many := make([]netip.Addr, 40)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{10, 0, 1, byte(i)})
	}
	for name, c := range map[string]struct {
		asked []netip.Addr
		pace  string
	}{
		"three by default":  {candidates, "default"},
		"three fast":        {candidates, "fast"},
		"three carefully":   {candidates, "careful"},
		"three by the book": {candidates, "rfc5227"},
		"one":               {candidates[:1], "default"},
		"forty":             {many, "default"},
		"forty fast":        {many, "fast"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				p := fakePort(w)
				p.off = deviate
				pace, _ := Preset(c.pace)
				var begins []time.Time
				for range 3 {
					sent := len(w.sent)
					r, err := p.Ask(t.Context(), Question{Candidates: c.asked, Gateway: gatewayIP, Pace: pace})
					if err != nil {
						t.Fatal(err)
					}
					if want := pace.Probes*len(c.asked) + 2; r.Sent != want {
						t.Errorf("%d packets, want %d", r.Sent, want)
					}
					begins = append(begins, w.sent[sent])
				}
				for i := range w.sent[:len(w.sent)-budgetPackets] {
					if d := w.sent[i+budgetPackets].Sub(w.sent[i]); d < budgetPeriod {
						t.Fatalf("packets %d to %d within %s", i, i+budgetPackets, d)
					}
				}
				for i := range begins[1:] {
					if d := begins[i+1].Sub(begins[i]); d < budgetPeriod {
						t.Errorf("round %d begins %s after the one before", i+2, d)
					}
				}
			})
		})
	}
}

func TestAskEnds(t *testing.T) {
	t.Parallel()
	gone := errors.New("the task is gone")
	for name, rounds := range map[string]int{"in a window": 1, "between two": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := fakePort(newWire(t))
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Duration(rounds-1)*600*time.Millisecond+50*time.Millisecond, func() { cancel(gone) })
				var err error
				for range rounds {
					_, err = p.Ask(ctx, Question{Candidates: candidates, Pace: defaultPace()})
				}
				if !errors.Is(err, gone) {
					t.Errorf("got %v, want %v", err, gone)
				}
			})
		})
	}
}

func TestAskRefuses(t *testing.T) {
	t.Parallel()
	six := netip.MustParseAddr("2001:db8::1")
	for want, q := range map[string]Question{
		"2001:db8::1 is no IPv4 address; ARP cannot ask for it":         {Candidates: []netip.Addr{six}, Pace: defaultPace()},
		"gateway 2001:db8::1 is no IPv4 address; ARP cannot ask for it": {Gateway: six, Pace: defaultPace()},
		"a pace needs at least one probe, a time to wait, and a jitter smaller than the interval": {},
	} {
		w := newWire(t)
		if _, err := fakePort(w).Ask(t.Context(), q); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if len(w.sent) > 0 {
			t.Error("packets were sent")
		}
	}
}

// What changes between the two looks at the bridge.
func TestLooks(t *testing.T) {
	t.Parallel()
	flapped, renumbered, learning := goodView(), goodView(), goodView()
	flapped.ports[0].flaps = 2
	renumbered.mac = alice
	learning.ports[0].state = stateLearning
	closed := view{bridge: "vmbr0", mac: bridgeMAC, up: true}
	for name, c := range map[string]struct {
		looks []view
		errs  []error
		doubt string
		close bool
	}{
		"nothing":             {looks: []view{goodView()}},
		"closed":              {looks: []view{closed}, close: true},
		"closed, then opened": {looks: []view{closed, goodView()}, doubt: "uplink eno1 has only just joined vmbr0"},
		"link lost":           {looks: []view{goodView(), flapped}, doubt: "uplink eno1 of vmbr0 lost its link for a moment"},
		"forwards too late":   {looks: []view{learning, goodView()}, doubt: "port eno1 of vmbr0 is still learning"},
		"stops to forward":    {looks: []view{goodView(), learning}, doubt: "port eno1 of vmbr0 is still learning"},
		"MAC changed within":  {looks: []view{goodView(), renumbered}, doubt: "vmbr0 changed its MAC from BC:24:11:00:00:01 to BC:24:11:00:00:0A"},
		"MAC changed before":  {looks: []view{renumbered}, doubt: "vmbr0 changed its MAC from BC:24:11:00:00:01 to BC:24:11:00:00:0A"},
		"blind at first":      {looks: []view{{}, goodView()}, errs: []error{unix.ENOMEM}, doubt: unix.ENOMEM.Error()},
		"blind at last":       {looks: []view{goodView(), {}}, errs: []error{nil, unix.ENOMEM}, doubt: unix.ENOMEM.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := fakePort(newWire(t))
				p.bridge = &fakeBridge{looks: c.looks, errs: c.errs}
				r, err := p.Ask(t.Context(), Question{Candidates: candidates[:1], Pace: defaultPace()})
				if err != nil {
					t.Fatal(err)
				}
				want := Result{
					Answers: []Answer{{Addr: first, Verdict: Free, Reason: "4 probes unanswered"}},
					Doubt:   c.doubt, Closed: c.close, Sent: 4,
				}
				if c.doubt != "" {
					want.Answers[0] = Answer{Addr: first, Verdict: Unknown, Reason: c.doubt}
				}
				if diff := cmp.Diff(want, r, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
