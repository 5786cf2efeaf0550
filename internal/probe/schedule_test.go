package probe

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

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
					r, err := p.Ask(t.Context(), Question{Candidates: c.asked, Gateways: []Gateway{{Addr: gatewayIP}}, Pace: pace})
					if err != nil {
						t.Fatal(err)
					}
					if want := pace.Probes*len(c.asked) + 2; r.Sent != want {
						t.Errorf("%d packets, want %d", r.Sent, want)
					}
					begins = append(begins, w.sent[sent])
				}
				const most = 14
				for i := range w.sent[:len(w.sent)-most] {
					if d := w.sent[i+most].Sub(w.sent[i]); d < time.Second {
						t.Fatalf("packets %d to %d within %s", i, i+most, d)
					}
				}
				for i := range begins[1:] {
					if d := begins[i+1].Sub(begins[i]); d < time.Second {
						t.Errorf("round %d begins %s after the one before", i+2, d)
					}
				}
			})
		})
	}
}

// Where all are taken, which is known at once, the next are asked without a
// pause: as many rounds as a switch bears the packets of. That there is silence
// at last takes a whole window.
func TestTakenOnesCostNoSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		p := fakePort(w)
		free := netip.MustParseAddr("10.0.2.0")
		w.on = func(w *fakeWire, asked netip.Addr, _ int) error {
			if asked != free {
				w.arrive(time.Millisecond, replyOf(alice, asked))
			}
			return nil
		}
		began, addr := time.Now(), netip.MustParseAddr("10.0.1.0")
		for round := range 7 {
			q := Question{Gateways: []Gateway{{Addr: gatewayIP}}, Pace: defaultPace()}
			for range 3 {
				q.Candidates, addr = append(q.Candidates, addr), addr.Next()
			}
			want := "taken taken taken"
			if round == 6 {
				q.Candidates[1], want = free, "taken free taken"
			}
			r, err := p.Ask(t.Context(), q)
			if err != nil || verdicts(r) != want {
				t.Fatalf("round %d: %s, want %s: %v", round+1, verdicts(r), want, err)
			}
		}
		// Three rounds in each of the first two seconds, and a window.
		if took, most := time.Since(began), 2*time.Second+defaultPace().Window()+100*time.Millisecond; took > most {
			t.Errorf("it took %s, want at most %s", took, most)
		}
		const most = 14
		for i := range w.sent[:len(w.sent)-most] {
			if d := w.sent[i+most].Sub(w.sent[i]); d < time.Second {
				t.Fatalf("packets %d to %d within %s", i, i+most, d)
			}
		}
	})
}

// A process that had to wait for the processor does not send in one burst what
// it has missed: probes are spread so that one of them gets through.
func TestStallKeepsDistance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.on = func(_ *fakeWire, _ netip.Addr, nth int) error {
			if nth == 1 {
				time.Sleep(time.Second)
			}
			return nil
		}
		if _, err := fakePort(w).Ask(t.Context(), Question{Candidates: candidates[:1], Pace: defaultPace()}); err != nil {
			t.Fatal(err)
		}
		for i := 2; i < len(w.sent); i++ {
			if d := w.sent[i].Sub(w.sent[i-1]); d < 90*time.Millisecond {
				t.Errorf("probe %d follows after %s", i+1, d)
			}
		}
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	a, b := candidates[0], candidates[1]
	for name, c := range map[string]struct {
		question Question
		off      time.Duration
		want     []sending
	}{
		"gateway twice": {
			Question{Candidates: []netip.Addr{a, b}, Gateways: []Gateway{{Addr: gatewayIP}}, Pace: defaultPace()},
			0,
			[]sending{
				{0, gatewayIP, true},
				{0, a, true},
				{0, b, true},
				{ms(100), a, false},
				{0, b, false},
				{ms(100), gatewayIP, true},
				{0, a, true},
				{0, b, true},
				{ms(100), a, false},
				{0, b, false},
			},
		},
		"off beat": {
			Question{Candidates: []netip.Addr{a}, Pace: defaultPace()},
			ms(-20),
			[]sending{{0, a, true}, {ms(80), a, false}, {ms(80), a, true}, {ms(80), a, false}},
		},
		"gateway alone": {
			Question{Gateways: []Gateway{{Addr: gatewayIP}}, Pace: defaultPace()},
			0,
			[]sending{{0, gatewayIP, true}, {ms(200), gatewayIP, true}},
		},
		"one probe": {
			Question{Candidates: []netip.Addr{a}, Gateways: []Gateway{{Addr: gatewayIP}}, Pace: Pace{Probes: 1, Wait: ms(1)}},
			0,
			[]sending{{0, gatewayIP, false}, {0, a, false}},
		},
	} {
		got := plan(c.question, func(time.Duration) time.Duration { return c.off })
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(sending{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "default", "fast", "careful", "rfc5227"} {
		p, ok := Preset(name)
		if err := (Question{Pace: p}).check(); !ok || err != nil {
			t.Errorf("preset %q: %v %v", name, ok, err)
		}
	}
	if _, ok := Preset("hasty"); ok {
		t.Error("an unknown preset is known")
	}
	if got := defaultPace().Window(); got != 500*time.Millisecond {
		t.Errorf("the default window is %s", got)
	}
}

func TestDeviateStaysInBounds(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if d := deviate(20 * time.Millisecond); d < -20*time.Millisecond || d > 20*time.Millisecond {
			t.Fatalf("off by %s", d)
		}
	}
	if d := deviate(0); d != 0 {
		t.Errorf("no jitter, but off by %s", d)
	}
}
