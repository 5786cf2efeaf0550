package hook_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// dead leaves the lock directory behind, as a process of node c that was killed,
// and on which nobody calls us again.
func (s *stage) dead() {
	s.t.Helper()
	c := s.node("c")
	now := time.Now()
	s.change(c, func(e *etcPVE) { e.lock = lockDir{held: true, node: "c", since: now} })
	s.settle()
}

// timed starts a guest and returns how long that took and what it said.
func (s *stage) timed(id pve.VMID, code int) (time.Duration, string) {
	s.t.Helper()
	began := time.Now()
	s.started(id)
	s.lastExit(code)
	return time.Since(began), s.watch.exits[len(s.watch.exits)-1].said
}

// waits counts the lines that tell of a wait.
func waits(said string) int {
	return len(regexp.MustCompile(`(?m)CT \d+ waits for the ledger, \d+m?\d*s by now: another node`).FindAllString(said, -1))
}

// A holder of the lock was killed on another node. A renewal that nobody else can
// disturb goes on after ten seconds.
func TestRenewalGoesOnWithoutTheLock(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.dead()
		took, said := s.timed(101, hook.OK)
		s.lives(101, hosts(10)...)
		if took < 10*time.Second || took > 13*time.Second || !strings.Contains(said, "starts with") || waits(said) != 0 {
			t.Errorf("after %v:\n%s", took, said)
		}
	})
}

// Everybody else waits until pmxcfs lets the lock expire, and tells so.
func TestWhoWaitsOutADeadHolder(t *testing.T) {
	for name, begin := range map[string]func(*stage){
		"a fresh address": func(*stage) {},
		"a renewal whose hold is nearly over": func(s *stage) {
			for i := range s.pools.Pools {
				s.pools.Pools[i].Hold = 40 * time.Minute
			}
			s.started(101)
			s.halt(101)
		},
		"a renewal that another config names": func(s *stage) {
			s.started(101)
			s.halt(101)
			b := s.node("b")
			s.put(b, 103, "b", addressed(s.truth.guests[103].text, hosts(10)...), false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				begin(s)
				s.dead()
				took, said := s.timed(101, hook.OK)
				s.leased(101, lease.Bound, hosts(10)...)
				if took < 110*time.Second || took > 140*time.Second || waits(said) != 12 || strings.Contains(said, "starts with") {
					t.Errorf("after %v:\n%s", took, said)
				}
			})
		})
	}
}

// A lock that nobody lets go of is not waited for without end.
func TestWaitForTheLockEnds(t *testing.T) {
	scenario(t, func(s *stage) {
		s.dead()
		began, pass, renewed := time.Now(), s.BeforePass, false
		s.BeforePass = func() { // time stands still while this is called
			pass()
			if !renewed && time.Since(began) >= 100*time.Second {
				renewed = true
				s.dead()
			}
		}
		took, said := s.timed(101, hook.Locked)
		s.lives(101)
		if took < 140*time.Second || took > 3*time.Minute || !strings.Contains(said, "waited for 2m20s") || !strings.Contains(said, "the ledger is unchanged") {
			t.Errorf("after %v:\n%s", took, said)
		}
	})
}

// A post-stop waits for five seconds, and the next process of its node that
// writes releases what it could not.
func TestStopGoesOnWithoutTheLock(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.dead()
		began := time.Now()
		s.halt(101)
		if took := time.Since(began); took < 5*time.Second || took > 8*time.Second {
			t.Errorf("after %v", took)
		}
		s.leased(101, lease.Bound, hosts(10)...)
		s.freed()
		s.started(103) // on another node
		s.leased(101, lease.Bound, hosts(10)...)
		s.started(102)
		s.leased(101, lease.Released, hosts(10)...)
	})
}

// freed gives the lock back that dead left.
func (s *stage) freed() {
	s.t.Helper()
	s.change(s.node("c"), func(e *etcPVE) { e.lock = lockDir{} })
	s.settle()
}

// What a post-stop could not release is not released when its guest runs again.
func TestStartAfterAStopThatCouldNotRelease(t *testing.T) {
	for name, start := range map[string]func(*stage){
		"without the lock": func(s *stage) {
			s.started(101)
			s.freed()
		},
		"with it": func(s *stage) {
			s.freed()
			s.started(101)
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.started(101)
				s.dead()
				s.halt(101)
				s.Pass(time.Minute)
				start(s)
				s.lives(101, hosts(10)...)
				s.started(102)
				s.leased(101, lease.Bound, hosts(10)...)
			})
		})
	}
}
