package sim_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab/sim"
)

// account is what two actors change without a lock.
type account struct{ money int }

func (b *account) add(a *sim.Actor, n int) {
	a.At("reads")
	was := b.money
	a.At("writes")
	b.money = was + n
}

var errLost = errors.New("money was lost")

// robbery plays n actors who pay in one each.
func robbery(p sim.Policy, seed uint64, events []int) (s *sim.Sim, err error) {
	s, b := sim.New(seed), &account{}
	for _, i := range events {
		s.Start(nil, string(rune('a'+i)), "", func(a *sim.Actor) { b.add(a, 1) })
	}
	if err := s.Run(p); err != nil {
		return s, err
	}
	if b.money != len(events) {
		return s, errLost
	}
	return s, nil
}

func TestShrinkFindsTheRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := []int{0, 1, 2, 3, 4, 5}
		for seed := uint64(1); seed < 100; seed++ {
			s, err := robbery(&sim.Random{Rand: rand.New(rand.NewPCG(seed, 0)), Stick: 0.9}, seed, all)
			if err == nil {
				continue
			}
			least := sim.Shrink(sim.Case{Events: all, Picks: s.Picks()}, 500, func(c sim.Case) ([]sim.Pick, bool) {
				s, err := robbery(&sim.Replay{Picks: c.Picks}, seed, c.Events)
				return s.Picks(), err != nil
			})
			if len(least.Events) != 2 {
				t.Errorf("two actors are enough, not %v", least.Events)
			}
			return
		}
		t.Error("no seed finds the race")
	})
}

func TestReplayIsTheSameRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, _ := robbery(&sim.Random{Rand: rand.New(rand.NewPCG(7, 0))}, 7, []int{0, 1, 2})
		two, _ := robbery(&sim.Replay{Picks: one.Picks()}, 7, []int{0, 1, 2})
		if diff := cmp.Diff(one.Trace(), two.Trace()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestKilledActorDoesNothingMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(1)
		var did []string
		s.Start(nil, "victim", "", func(a *sim.Actor) {
			a.OnExit(func() { did = append(did, "the kernel cleans up") })
			defer func() {
				a.At("gives the lock back")
				did = append(did, "gave the lock back")
			}()
			a.At("works")
			did = append(did, "worked")
		})
		if err := s.Until("victim", "works"); err != nil {
			t.Fatal(err)
		}
		if err := s.Do(sim.Pick{Actor: "victim", Deed: sim.Kill}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"the kernel cleans up"}, did); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWaitingForEverIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(1)
		defer s.Close()
		s.Start(nil, "waiter", "", func(a *sim.Actor) {
			a.Await(context.Background(), "waits for nothing", func() bool { return false })
		})
		if err := s.Rest(); err == nil {
			t.Error("nobody noticed")
		}
	})
}

func TestTimePassesWhenAllWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, began := sim.New(1), time.Now()
		s.Start(nil, "sleeper", "", func(a *sim.Actor) { a.Sleep(time.Hour, "sleeps") })
		got := false
		s.Start(nil, "waiter", "", func(a *sim.Actor) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			got = a.Await(ctx, "waits", func() bool { return time.Since(began) >= time.Hour })
		})
		if err := s.Rest(); err != nil {
			t.Fatal(err)
		}
		if got || time.Since(began) != time.Hour {
			t.Errorf("waited for %v, in vain: %v", time.Since(began), !got)
		}
	})
}

func BenchmarkStep(b *testing.B) {
	s := sim.New(1)
	a := func(a *sim.Actor) {
		for {
			a.At("steps")
		}
	}
	s.Start(nil, "a", "", a)
	s.Start(nil, "b", "", a)
	defer s.Close()
	for b.Loop() {
		_ = s.Do(sim.Pick{Actor: "a"})
	}
}
