package probe

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"pve-iplease/internal/pve"
)

// devicesBridge has a device for some time.
type devicesBridge struct {
	*fakeBridge
	until time.Time
	asked []string
}

func (b *devicesBridge) exists(device string) bool {
	b.asked = append(b.asked, device)
	return time.Now().Before(b.until)
}

// ownCase is one window in which somebody speaks in the guest's own name.
type ownCase struct {
	alone   func(nth int) bool // whether he answers the nth question to his MAC alone
	lingers time.Duration      // of the device of the previous run
	gone    []string
	pace    Pace
	want    Answer
	asked   int // questions to his MAC alone
}

func (c ownCase) run(t *testing.T) {
	w, alone := newWire(t), 0
	w.on = func(w *fakeWire, asked netip.Addr, _ int) error {
		if asked != first {
			return nil
		}
		if w.to == guestMAC {
			if alone++; !c.alone(alone) {
				return nil
			}
		}
		w.arrive(time.Millisecond, replyOf(guestMAC, asked))
		return nil
	}
	b := &devicesBridge{fakeBridge: &fakeBridge{looks: []view{goodView()}}, until: time.Now().Add(c.lingers)}
	p := fakePort(w)
	p.bridge = b
	r, err := p.Ask(t.Context(), Question{Candidates: candidates[:2], Own: []pve.MAC{guestMAC}, Gone: c.gone, Pace: c.pace})
	if err != nil {
		t.Fatal(err)
	}
	got := r.Answers[0]
	if got.Verdict != c.want.Verdict || got.Twin != c.want.Twin || got.Hearsay != c.want.Hearsay || got.Reason != c.want.Reason {
		t.Errorf("%+v, want %+v", got, c.want)
	}
	if r.Answers[1].Verdict != Free {
		t.Errorf("of another address: %+v", r.Answers[1])
	}
	if alone != c.asked {
		t.Errorf("it was asked %d times itself, want %d", alone, c.asked)
	}
}

func TestWhoSpeaksInTheGuestsName(t *testing.T) {
	t.Parallel()
	const said = "BC:24:11:00:00:02, which is the guest's own MAC, answers"
	old := []string{"veth101i0"}
	nobody, always := func(int) bool { return false }, func(int) bool { return true }
	hearsay := func(reason string) Answer { return Answer{Verdict: Unknown, Hearsay: true, Reason: said + reason} }
	twin := Answer{Verdict: Taken, Twin: true, Reason: "BC:24:11:00:00:02 answers"}
	cache := hearsay(", but not when it is asked itself: a switch's cache (ARP suppression), or a twin that can't be reached")
	for name, c := range map[string]ownCase{
		"his run may not be over":       {alone: always, want: hearsay(": its twin, a cache, or its own last word")},
		"a twin":                        {alone: always, gone: old, want: twin, asked: proofOfTwin},
		"a twin that misses a question": {alone: func(n int) bool { return n != 1 }, gone: old, want: twin, asked: proofOfTwin + 1},
		"a cache":                       {alone: nobody, gone: old, want: cache, asked: 4},
		"one late answer":               {alone: func(n int) bool { return n == 1 }, gone: old, want: cache, asked: 4},
		"a device that goes":            {alone: always, gone: old, lingers: lingering / 2, want: twin, asked: proofOfTwin},
		"a device that stays":           {alone: always, gone: old, lingers: time.Hour, want: hearsay("; veth101i0 of its previous run is still there")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.pace = defaultPace()
			synctest.Test(t, c.run)
		})
	}
}

// Also who is asked alone is asked when the uplink bears it; where that comes too
// late nothing is told of the address.
func TestWhoSpeaksInTheGuestsNameIsAskedInTurn(t *testing.T) {
	t.Parallel()
	const rate = 6
	for name, c := range map[string]struct {
		deadline time.Duration
		want     Answer
		alone    bool
	}{
		"in time": {time.Minute, Answer{Verdict: Taken, Twin: true, Reason: "BC:24:11:00:00:02 answers"}, true},
		"too late": {
			budgetPeriod + afterwards,
			Answer{Verdict: Unknown, Hearsay: true, Reason: "BC:24:11:00:00:02, which is the guest's own MAC, answers: its twin, a cache, or its own last word"},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, alone := newWire(t), false
				w.on = func(w *fakeWire, asked netip.Addr, _ int) error {
					alone = alone || w.to == guestMAC
					w.arrive(time.Millisecond, replyOf(guestMAC, asked))
					return nil
				}
				p := fakePort(w)
				p.bridge = &devicesBridge{fakeBridge: &fakeBridge{looks: []view{goodView()}}}
				p.shared = NewBudget(rate, &memory{}, nil)
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				_, err := p.shared.reserve(ctx, make([]time.Duration, rate-defaultPace().Probes)) // by others
				if err != nil {
					t.Fatal(err)
				}
				r, err := p.Ask(ctx, Question{Candidates: candidates[:1], Own: []pve.MAC{guestMAC}, Gone: []string{"veth101i0"}, Pace: defaultPace()})
				if err != nil {
					t.Fatal(err)
				}
				got := r.Answers[0]
				if got.Verdict != c.want.Verdict || got.Twin != c.want.Twin || got.Hearsay != c.want.Hearsay || got.Reason != c.want.Reason || alone != c.alone {
					t.Errorf("%+v, asked alone: %t", got, alone)
				}
				sent := append(make([]time.Time, rate-defaultPace().Probes), w.sent...)
				for i := range sent[:rate-defaultPace().Probes] {
					sent[i] = w.sent[0]
				}
				for i := rate; i < len(sent); i++ {
					if sent[i].Sub(sent[i-rate]) < budgetPeriod {
						t.Errorf("%d packets within %s", rate+1, sent[i].Sub(sent[i-rate]))
					}
				}
			})
		})
	}
}

// Whoever has the guest's own MAC can't answer it, so that is not used any more
// once he was heard.
func TestGuestAsksInTurn(t *testing.T) {
	t.Parallel()
	heard := newWindow(Question{Candidates: candidates, Own: []pve.MAC{guestMAC}}, bridgeMAC)
	heard.guest = guestMAC
	if got := heard.from(true); got != guestMAC {
		t.Errorf("asked by %s", got)
	}
	if got := heard.from(false); got != bridgeMAC {
		t.Errorf("in turn by %s", got)
	}
	heard.hear(replyOf(guestMAC, first))
	if got := heard.from(true); got != bridgeMAC {
		t.Errorf("asked by %s after its twin was heard", got)
	}
	over := newWindow(Question{Candidates: candidates, Gone: []string{"veth101i0"}}, bridgeMAC)
	over.guest = guestMAC
	if got := over.from(true); got != bridgeMAC {
		t.Errorf("asked by %s in the window in which its twin is looked for", got)
	}
}
