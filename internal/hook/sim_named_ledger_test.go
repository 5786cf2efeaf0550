package hook_test

import (
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
)

func TestHolderThatStalledPastTheExpiryDoesNotWrite(t *testing.T) {
	scenario(t, func(s *stage) {
		s.deadline = 10 * time.Minute
		one := s.starting(101)
		s.until(one, "checks that it still may write")
		s.do("pre-start 101", sim.Stall, 130*time.Second)
		s.Pass(115 * time.Second)
		s.started(103)
		s.lives(103, hosts(10)...)
		s.rest()
		s.lives(103, hosts(10)...)
		s.leased(103, lease.Bound, hosts(10)...)
		s.lives(101) // it was told to try again
	})
}

// A process that is frozen for two minutes exactly between the check and the
// write still overwrites what another node wrote. That costs the other's
// record, which its config and its answers make good for: nobody gets the
// address.
func TestHolderThatStalledBetweenCheckAndWrite(t *testing.T) {
	scenario(t, func(s *stage) {
		s.deadline = 10 * time.Minute
		one := s.starting(101)
		s.until(one, "writes slot")
		s.do("pre-start 101", sim.Stall, 130*time.Second)
		s.Pass(115 * time.Second)
		s.started(103)
		s.lives(103, hosts(10)...)
		s.rest()
		s.started(101)
		s.lives(101, hosts(11)...)
		s.halt(103)
		s.started(103)
		s.lives(103, hosts(10)...)
		s.leased(103, lease.Bound, hosts(10)...)
	})
}

// On a node without quorum a guest whose lease another node may be giving away
// at this moment must not go on with it.
func TestDegradedStartAgainstAClaim(t *testing.T) {
	for name, until := range map[string]string{
		"the claim comes first": "begins to probe",
		"both probe":            "probes",
		"the start comes first": "begin",
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.pools = poolsOf(10, 10)
				for i := range s.pools.Pools {
					s.pools.Pools[i].Hold = 0
				}
				s.started(101)
				s.halt(101)
				s.Pass(time.Minute)
				s.node("a").quorate = false
				two := s.starting(103)
				s.until(two, until)
				one := s.starting(101)
				s.until(one, "waits for its hook")
				s.rest()
				s.lives(101)
				s.lives(103, hosts(10)...)
			})
		})
	}
}

// As long as its lease holds, a guest comes up without quorum.
func TestDegradedStartWithALeaseThatHolds(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.node("a").quorate = false
		two := s.starting(103)
		s.until(two, "begins to probe")
		s.started(101)
		s.rest()
		s.lives(101, hosts(10)...)
		s.lives(103, hosts(11)...)
	})
}

// After damage that took the lease of a running guest, its clone must not
// start with the same address where the wire can't tell.
func TestCloneAfterDamageWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.put(s.node("b"), 103, "b", renamed(s.truth.guests[101].text, 101, 103), false)
		s.damage(nil, event{n: 2})
		s.settle()
		s.node("b").cable(false)
		for range 2 { // nobody gets past a refusal by trying again
			s.started(103)
			s.lives(103)
			s.lastExit(hook.Failed)
		}
	})
}

// A copy that was restored with the MAC answers as its original does: after
// damage that took the lease no proof tells whose the address is.
func TestRestoredTwinAfterDamage(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.put(s.node("b"), 103, "b", s.truth.guests[101].text, false)
		s.damage(nil, event{n: 2})
		s.settle()
		s.started(103)
		s.lives(103, hosts(11)...)
		s.halt(101)
		s.started(101)
		s.lives(101, hosts(10)...)
	})
}

func TestKilledWhileHoldingTheLockDirectory(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(105)
		one := s.starting(101)
		s.until(one, "checks that it still may write")
		s.do("pre-start 101", sim.Kill, 0)
		began := time.Now()
		s.started(102) // the same node takes over at once
		s.started(103)
		if time.Since(began) > 2*time.Second {
			t.Errorf("the lock was waited for: %s", time.Since(began))
		}
		s.lives(102, hosts(11)...)
		s.lives(103, hosts(12)...)
	})
}

func TestKilledAfterTheFirstSlotWasCreated(t *testing.T) {
	for _, step := range []string{
		"notes that the first use began", "makes the ledger's directory", "creates slot 0", "fills slot 0",
		"notes that the first use is over", "creates slot 1", "writes slot",
	} {
		t.Run(step, func(t *testing.T) {
			scenario(t, func(s *stage) {
				one, two := s.starting(101), s.starting(103)
				s.until(one, step)
				s.do("pre-start 101", sim.Kill, 0)
				s.until(two, "waits for the lock directory")
				s.started(102)
				s.rest()
				s.lives(102, hosts(10)...)
				s.lives(103, hosts(11)...)
			})
		})
	}
}
