package hook_test

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab/sim"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "replay this seed of TestSimulation, shrink and print it")
	simSeeds = flag.Uint64("sim.seeds", seeds, "how many seeds TestSimulation tries")
	simFrom  = flag.Uint64("sim.from", 1, "the first of them")
)

// outcome is how one run went.
type outcome struct {
	err   error
	picks []sim.Pick
	steps []sim.Step
	exits []exit
}

// TestSimulation runs several nodes' hooks and commands against each other,
// against Proxmox, people and mishaps, in an order that each seed chooses. The
// seeds are shared out among the cores.
func TestSimulation(t *testing.T) {
	t.Parallel()
	from, to := *simFrom, *simFrom+*simSeeds
	if *simSeed != 0 {
		from, to = *simSeed, *simSeed+1
	}
	// The heap is so small that collecting it took a third of all time.
	percent := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	var steps atomic.Int64
	t.Cleanup(func() { t.Logf("%d steps", steps.Load()) })
	cores := uint64(runtime.GOMAXPROCS(0))
	for core := range min(cores, to-from) {
		t.Run(fmt.Sprint("core", core), func(t *testing.T) {
			t.Parallel()
			for seed := from + core; seed < to; seed += cores {
				out := play(t, seed, sim.Case{}, false)
				steps.Add(int64(len(out.steps)))
				if out.err != nil {
					t.Fatalf("%s\nreplay it: go test ./internal/hook -run TestSimulation -sim.seed=%d", shrunk(t, seed, out), seed)
				}
			}
		})
	}
}

// TestSimulationIsDeterministic: a seed that fails can be had again.
func TestSimulationIsDeterministic(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed < 20; seed++ {
		one, two := play(t, seed, sim.Case{}, false), play(t, seed, sim.Case{}, false)
		if diff := cmp.Diff(one.steps, two.steps); diff != "" {
			t.Fatalf("seed %d differs from itself:\n%s", seed, diff)
		}
	}
}

// play runs a seed; replayed says that c tells what happens and in which order.
func play(t *testing.T, seed uint64, c sim.Case, replayed bool) (out outcome) {
	synctest.Test(t, func(*testing.T) {
		r, happens := story(seed)
		w := newCluster(seed, "a", "b", "c")
		defer w.Close()
		w.Limit = 1 << 17
		w.settings(r)
		if !replayed {
			for i := range happens {
				c.Events = append(c.Events, i)
			}
		}
		for _, i := range c.Events {
			w.happen(i, happens[i])
		}
		var policy sim.Policy = &sim.Random{
			Rand: r, Stick: []float64{0, 0.5, 0.9, 0.97}[r.IntN(4)],
			Faults: []float64{0, 0.001, 0.005}[r.IntN(3)], Budget: r.IntN(5),
		}
		if replayed {
			policy = &sim.Replay{Picks: c.Picks}
		}
		out.err = w.Run(policy)
		out.picks = slices.Clone(w.Picks())
		if out.err == nil {
			out.err = w.epilogue()
		}
		out.steps, out.exits = w.Trace(), w.watch.exits
	})
	return out
}

// shrunk makes a failing seed smaller and prints it.
func shrunk(t *testing.T, seed uint64, out outcome) string {
	_, happens := story(seed)
	first := sim.Case{Picks: out.picks}
	for i := range happens {
		first.Events = append(first.Events, i)
	}
	least := out
	sim.Shrink(first, 1500, func(c sim.Case) ([]sim.Pick, bool) {
		again := play(t, seed, c, true)
		if again.err != nil {
			least = again
		}
		return again.picks, again.err != nil
	})
	var b strings.Builder
	for _, s := range least.steps {
		if s.What != "delivers" {
			fmt.Fprintln(&b, s)
		}
	}
	for _, e := range least.exits {
		fmt.Fprintf(&b, "%s: exit %d\n%s", e.who, e.code, e.said)
	}
	fmt.Fprintf(&b, "seed %d: %v", seed, least.err)
	return b.String()
}
