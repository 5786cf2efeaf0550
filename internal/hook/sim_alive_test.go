package hook_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// degradedStart stops a guest and starts it again without quorum, so that it
// runs with a lease that is released. It answers nobody.
func (s *stage) degradedStart(id pve.VMID) {
	s.t.Helper()
	n := s.home(id)
	s.started(id)
	s.halt(id)
	s.Pass(10 * time.Second)
	n.quorate = false
	s.started(id)
	if e := s.watch.exits[len(s.watch.exits)-1]; !strings.Contains(e.said, "starts with") {
		s.must(errorf("no degraded start: %s", e.said))
	}
	s.running(id).mute = true
	s.lives(id, hosts(10)...)
	s.leased(id, lease.Released, hosts(10)...)
	n.quorate = true
	s.settle()
}

// A guest that started while the ledger could not be written, and that answers
// nobody, keeps its address when the hold of its lease is over: its own node
// sees it run.
func TestLapsedLeaseOfAGuestThatRunsHere(t *testing.T) {
	scenario(t, func(s *stage) {
		s.one()
		for i := range s.pools.Pools {
			s.pools.Pools[i].Hold = time.Minute
		}
		s.degradedStart(101)
		s.Pass(2 * time.Minute)
		s.node("a").notes["unbound"] = map[string]string{} // whatever became of the note
		s.started(102)
		s.lives(102)
		s.lastExit(hook.Exhausted)
		s.lives(101, hosts(10)...)
	})
}

// A move asks whether it runs, also when its config names another address since.
func TestMoveOfALeaseWhoseGuestRuns(t *testing.T) {
	scenario(t, func(s *stage) {
		s.degradedStart(101)
		n := s.node("a")
		n.notes["unbound"] = map[string]string{} // whatever became of the note
		s.put(n, 101, "a", addressed(s.truth.guests[101].text, hosts(14)[0]), false)
		s.settle()
		var err error
		s.commanding("move", n, func(ctx context.Context, h *hook.Hook) { err = h.Move(ctx, hosts(10)[0], 102) })
		s.until("move", "")
		if err == nil || !strings.Contains(err.Error(), "which runs although its lease is released") {
			s.must(errorf("moved: %v", err))
		}
		s.leased(101, lease.Released, hosts(10)...)
		n.runs[101].ending = true // past all hooks
		s.until("lxc-start 101", "lxc-start ends")
		s.rest()
		s.commanding("move again", n, func(ctx context.Context, h *hook.Hook) { err = h.Move(ctx, hosts(10)[0], 102) })
		s.until("move again", "")
		s.must(err)
		s.leased(102, lease.Released, hosts(10)[0])
	})
}

// Its lease is bound again by the first hook of its node, so that no other node
// takes it for a stopped guest's.
func TestDegradedStartIsBoundByTheNextHookOfTheNode(t *testing.T) {
	for name, next := range map[string]func(*stage){
		"a start": func(s *stage) { s.started(102) },
		"a stop":  func(s *stage) { s.halt(102) },
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.pools = poolsOf(10, 11)
				for i := range s.pools.Pools {
					s.pools.Pools[i].Hold = time.Minute
				}
				s.started(101) // .10
				s.started(102) // .11
				if name == "a start" {
					s.halt(102)
				}
				s.degradedStart(101)
				next(s)
				s.leased(101, lease.Bound, hosts(10)...)
				s.Pass(2 * time.Minute)
				s.halt(102)
				s.Pass(2 * time.Minute)
				s.started(103)
				s.started(104)
				s.lives(101, hosts(10)...)
				s.lives(103, hosts(11)...)
				s.lives(104)
				s.halt(101)
				s.leased(101, lease.Released, hosts(10)...)
			})
		})
	}
}

// By its own post-start, if the ledger can be written by then.
func TestDegradedStartIsBoundByItsPostStart(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.Pass(10 * time.Second)
		s.node("a").quorate = false
		one := s.starting(101)
		s.until(one, "start: waits for the container")
		s.node("a").quorate = true
		s.rest()
		s.lives(101, hosts(10)...)
		s.leased(101, lease.Bound, hosts(10)...)
		s.halt(101)
		s.leased(101, lease.Released, hosts(10)...)
	})
}

// Who was heard once doesn't get past a refusal by a wire that can't tell, also
// while the ledger can't be written.
func TestDegradedStartAfterAVoiceWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.node("a").quorate = false
		s.occupy(keyOf(hosts(10)[0]), 1)
		s.started(101)
		s.lastExit(hook.Conflict)
		s.node("a").cable(false)
		for range 2 {
			s.started(101)
			s.lives(101)
		}
		delete(s.strangers, keyOf(hosts(10)[0]))
		s.node("a").cable(true)
		s.Pass(time.Minute)
		s.started(101)
		s.lives(101, hosts(10)...)
	})
}

// A stop's note is just being applied, under the lock, while the same guest
// starts without it: the new run's lease doesn't stay released.
func TestStopNoteIsAppliedWhileTheGuestStartsDegraded(t *testing.T) {
	for name, hold := range map[string]time.Duration{"kept": 24 * time.Hour, "wanted by the writer": 0} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.one()
				if name == "kept" {
					s.pools = poolsOf(10, 11)
				}
				for i := range s.pools.Pools {
					s.pools.Pools[i].Hold = hold
				}
				n := s.node("a")
				s.started(101)
				n.quorate = false
				s.halt(101)
				s.leased(101, lease.Bound, hosts(10)...)
				n.quorate = true
				other := s.starting(102)
				s.until(other, "checks that it still may write") // has read the note
				n.quorate = false
				one := s.starting(101)
				if name == "kept" { // till it is up
					s.until(one, "")
				} else {
					s.until(one, "begins to probe")
				}
				n.quorate = true
				s.until(other, "writes slot")
				s.rest()
				switch name {
				case "kept":
					s.lives(101, hosts(10)...)
					s.lives(102, hosts(11)...)
					s.commanding("next", n, func(ctx context.Context, h *hook.Hook) { s.must(h.Bind(ctx)) })
					s.until("next", "")
					s.leased(101, lease.Bound, hosts(10)...)
				default:
					s.lives(101)
					s.lives(102, hosts(10)...)
					s.leased(102, lease.Bound, hosts(10)...)
				}
			})
		})
	}
}

// A start that needs no write overtakes the post-stop of the run before, which
// leaves a note: the lease that it goes on with isn't released by the next writer.
func TestStopNoteOfARunThatTheStartOvertook(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		n := s.node("a")
		s.running(101).ending = true
		s.until("lxc-start 101", "PVE's post-stop rewrites the config")
		one := s.starting(101)
		s.until(one, "removes the marker") // the renewal changed nothing
		n.quorate = false
		s.until("lxc-start 101", "")
		if len(n.notes["unreleased"]) == 0 {
			s.must(errorf("the stop left no note"))
		}
		n.quorate = true
		s.until(one, "")
		s.started(102)
		s.lives(101, hosts(10)...)
		s.leased(101, lease.Bound, hosts(10)...)
	})
}

// A note of a stop is void once its guest has gone to another node: there it may
// run with the same claim, if it started while the ledger could not be written.
func TestStopNoteOfAGuestThatHasMoved(t *testing.T) {
	for name, first := range map[string]string{"bound there first": "b", "the note first": "a"} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.started(101)
				from, to := s.node("a"), s.node("b")
				from.quorate = false
				s.halt(101)
				from.quorate = true
				s.settle()
				if len(from.notes["unreleased"]) == 0 {
					s.must(errorf("the stop left no note"))
				}
				s.put(from, 101, "b", s.truth.guests[101].text, false)
				s.settle()
				to.quorate = false
				s.started(101)
				s.lives(101, hosts(10)...)
				to.quorate = true
				s.settle()
				if first == "b" {
					s.started(103)
					s.started(102)
				} else {
					s.started(102)
					s.started(103)
				}
				s.leased(101, lease.Bound, hosts(10)...)
				s.halt(101)
				s.leased(101, lease.Released, hosts(10)...)
			})
		})
	}
}

// After a power failure the guests of a node come up before it has quorum, with
// leases that are bound since before. They are that start's by the next write, so
// that its stop releases them.
func TestBoundLeaseOfADegradedStartAfterAReboot(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		n := s.node("a")
		s.Start(nil, "power", "", func(a *sim.Actor) { s.power(a, event{n: 1}) })
		s.until("power", "the node is off")
		n.quorate = false
		s.rest()
		s.lives(101, hosts(10)...)
		n.quorate = true
		s.settle()
		s.started(102)
		s.halt(101)
		s.leased(101, lease.Released, hosts(10)...)
	})
}
