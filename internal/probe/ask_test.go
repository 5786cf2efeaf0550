package probe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

func verdicts(r Result) string {
	var out []string
	for _, a := range r.Answers {
		out = append(out, a.Verdict.String())
	}
	return strings.Join(out, " ")
}

// askCase is one window about two candidates, on a clock that only tests have.
type askCase struct {
	arrange func(*fakeWire)
	ask     func(*Question)
	want    string
	doubt   string
	sent    int
}

// answering makes a wire on which a host answers for addresses after a while.
func answering(after time.Duration, from pve.MAC, addrs ...netip.Addr) func(*fakeWire) {
	return func(w *fakeWire) {
		w.on = func(w *fakeWire, asked netip.Addr, _ int) error {
			if slices.Contains(addrs, asked) {
				w.arrive(after, replyOf(from, asked))
			}
			return nil
		}
	}
}

func (c askCase) run(t *testing.T) {
	w := newWire(t)
	if c.arrange != nil {
		c.arrange(w)
	}
	q := Question{Candidates: candidates[:2], Gateways: []Gateway{{Addr: gatewayIP}}, Pace: defaultPace()}
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
}

func runAll(t *testing.T, cases map[string]askCase) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, c.run)
		})
	}
}

func TestAskHears(t *testing.T) {
	t.Parallel()
	both := candidates[:2]
	runAll(t, map[string]askCase{
		"silence":    {want: "free free", sent: 10},
		"one of two": {arrange: answering(time.Millisecond, alice, first), want: "taken free", sent: 7},
		"all taken ends at once": {
			arrange: answering(time.Millisecond, alice, both...), want: "taken taken", sent: 3,
		},
		"answers after 400 ms": {
			arrange: answering(400*time.Millisecond, alice, first), want: "taken free", sent: 10,
		},
		"answers after the window": {
			arrange: answering(600*time.Millisecond, alice, first), want: "free free", sent: 10,
		},
		"answers while we sleep": {
			arrange: func(w *fakeWire) { w.deaf = true; answering(450*time.Millisecond, alice, first)(w) }, want: "taken free", sent: 10,
		},
		"announced before we ask": {
			arrange: func(w *fakeWire) { w.queue <- replyOf(alice, first) }, want: "taken free", sent: 6,
		},
		"no gateway": {ask: func(q *Question) { q.Gateways = nil }, want: "free free", sent: 8},
	})
}

func TestAskDoubts(t *testing.T) {
	t.Parallel()
	runAll(t, map[string]askCase{
		"gateway alive": {
			arrange: answering(time.Millisecond, bob, gatewayIP),
			ask:     func(q *Question) { q.Gateways[0].Known = true }, want: "free free", sent: 9,
		},
		"gateway silent": {
			ask: func(q *Question) { q.Gateways[0].Known = true }, want: "unknown unknown", sent: 10,
			doubt: "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning",
		},
		"gateway alive before, silent now": {
			arrange: func(w *fakeWire) { w.queue <- replyOf(bob, gatewayIP) },
			ask:     func(q *Question) { q.Gateways[0].Known = true }, want: "unknown unknown", sent: 10,
			doubt: "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning",
		},
		"drops": {
			arrange: func(w *fakeWire) { w.drops = []uint32{0, 5}; answering(time.Millisecond, alice, first)(w) }, want: "taken unknown", sent: 7,
			doubt: "the kernel dropped 5 packets on vmbr0 before they were read",
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
					if nth == 4 {
						w.deafErr = unix.ENETDOWN
					}
					return nil
				}
			}, want: "taken unknown", sent: 4, doubt: "listening on vmbr0: network is down",
		},
	})
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
		if verdicts(r) != "unknown unknown unknown" || r.Doubt != "more packets come in on vmbr0 than can be read" {
			t.Errorf("got %+v", r)
		}
	})
}

// flood is a wire that never falls silent.
type flood struct{ frame []byte }

func (f flood) send([]byte) error                                  { return nil }
func (f flood) receive(context.Context, time.Time) ([]byte, error) { return f.frame, nil }
func (f flood) lost() (uint32, error)                              { return 0, nil }

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
	group := netip.MustParseAddr("ff02::1")
	for want, q := range map[string]Question{
		"ff02::1 is no address of a host; nobody can be asked for it":                             {Candidates: []netip.Addr{group}, Pace: defaultPace()},
		"gateway ff02::1 is no address of a host; nobody can be asked for it":                     {Gateways: []Gateway{{Addr: group}}, Pace: defaultPace()},
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
