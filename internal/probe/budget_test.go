package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Whoever reserves when, no second ever holds more than the limit, and nobody's
// packets come closer to each other than they may.
func TestPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		var all, ever []time.Duration
		now := time.Duration(0)
		for range rapid.IntRange(1, 8).Draw(t, "questions") {
			now += time.Duration(rapid.IntRange(0, 2000).Draw(t, "later")) * time.Millisecond
			gaps := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 300), func(n int) time.Duration { return time.Duration(n) * time.Millisecond }), 1, 20).Draw(t, "gaps")
			var placed []time.Duration
			placed, all = place(all, limit, now, gaps)
			for i, at := range placed {
				if at < now || i > 0 && at-placed[i-1] < gaps[i] {
					t.Fatalf("at %s, gaps %s: placed %s", now, gaps, placed)
				}
			}
			ever = append(ever, placed...)
			slices.Sort(ever)
			for i := limit; i < len(ever); i++ {
				if ever[i]-ever[i-limit] < sharedPeriod {
					t.Fatalf("%d packets within %s: %s", limit+1, ever[i]-ever[i-limit], ever)
				}
			}
		}
	})
}

// What fits goes at once; what doesn't waits no longer than it must.
func TestPlaceIsPrompt(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	start := make([]time.Duration, 14)
	for name, c := range map[string]struct {
		taken []time.Duration
		limit int
		gaps  []time.Duration
		want  string
	}{
		"alone":                 {nil, 14, start, fmt.Sprint(start)},
		"one at a time":         {nil, 1, []time.Duration{0, 0, 100 * ms}, "[0s 1.1s 2.2s]"},
		"in a gap":              {[]time.Duration{0, 2200 * ms}, 1, []time.Duration{0}, "[1.1s]"},
		"no gap is wide enough": {[]time.Duration{0, 1500 * ms}, 1, []time.Duration{0}, "[2.6s]"},
		"beside others":         {[]time.Duration{0, 100 * ms}, 3, []time.Duration{50 * ms}, "[50ms]"},
		"long ago":              {[]time.Duration{-sharedPeriod}, 1, []time.Duration{0}, "[0s]"},
	} {
		if got, _ := place(c.taken, c.limit, 0, c.gaps); fmt.Sprint(got) != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// memory is a share of several budgets.
type memory struct {
	mu    sync.Mutex
	taken []time.Duration
	err   error
}

func (m *memory) Now() time.Duration { return time.Duration(time.Now().UnixNano()) }

func (m *memory) Change(_ context.Context, f func([]time.Duration) []time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.taken = f(m.taken)
	}
	return m.err
}

// Two that share take turns, the second says so, and one that could not end in
// time reserves nothing.
func TestBudgetShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, gaps := &memory{}, make([]time.Duration, 10)
		var said []string
		say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
		for i, want := range []time.Duration{0, sharedPeriod, 2 * sharedPeriod, 2 * sharedPeriod} {
			times, err := NewBudget(14, m, say).reserve(t.Context(), gaps)
			if last := time.Until(times[len(times)-1]); err != nil || last != want {
				t.Errorf("question %d: %v after %s", i, err, last)
			}
		}
		if len(said) != 2 || !strings.HasPrefix(said[0], "waits 1.1 s for its turn: ") {
			t.Errorf("said %q", said)
		}
		before := len(m.taken)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := NewBudget(14, m, say).reserve(ctx, gaps); err == nil || len(m.taken) != before {
			t.Errorf("past the deadline: %v, %d reserved", err, len(m.taken)-before)
		}
		m.err, said = errors.New("read-only"), nil
		if times, err := NewBudget(14, m, say).reserve(t.Context(), gaps); err != nil || len(times) != 10 || len(said) != 1 {
			t.Errorf("without a share: %v, %v, %q", times, err, said)
		}
	})
}

// An announcement waits for its turn as a question does, and takes none that
// comes too late for it.
func TestBudgetAwaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := &memory{}, time.Now()
		for i, want := range []time.Duration{0, 0, sharedPeriod} {
			if err := NewBudget(2, m, nil).await(t.Context()); err != nil || time.Since(began) != want {
				t.Errorf("packet %d: %v after %s", i, err, time.Since(began))
			}
		}
		if err := NewBudget(2, m, nil).await(t.Context()); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), sharedPeriod/2)
		defer cancel()
		before, now := len(m.taken), time.Now()
		if err := NewBudget(2, m, nil).await(ctx); !errors.Is(err, errLate) || len(m.taken) != before || !time.Now().Equal(now) {
			t.Errorf("past the deadline: %v, %d reserved", err, len(m.taken)-before)
		}
		if err := (*Budget)(nil).await(ctx); err != nil {
			t.Errorf("without a budget: %v", err)
		}
	})
}

// Two ports of one uplink, asked side by side, put no more on it in a second
// than one.
func TestPortsShareABudget(t *testing.T) {
	t.Parallel()
	for name, share := range map[string]*Budget{"shared": OneStart(), "each its own": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var all sync.WaitGroup
				var wires []*fakeWire
				for range 3 {
					w := newWire(t)
					p := fakePort(w)
					p.shared = share
					wires = append(wires, w)
					all.Go(func() {
						if _, err := p.Ask(t.Context(), Question{Candidates: candidates, Pace: defaultPace()}); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				var sent []time.Time
				for _, w := range wires {
					sent = append(sent, w.sent...)
				}
				slices.SortFunc(sent, time.Time.Compare)
				crowded := false
				for i := budgetPackets; i < len(sent); i++ {
					crowded = crowded || sent[i].Sub(sent[i-budgetPackets]) < budgetPeriod
				}
				if len(sent) != 36 || crowded != (share == nil) {
					t.Errorf("%d packets, too many in a second: %t", len(sent), crowded)
				}
			})
		})
	}
}
