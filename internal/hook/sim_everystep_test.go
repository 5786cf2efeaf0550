package hook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// assassin lets everybody go on in turn, until one comes to its step number at.
type assassin struct {
	sim.Replay
	name   string
	at     int
	deed   sim.Deed
	struck bool
}

// Pick implements sim.Policy.
func (k *assassin) Pick(ready, waiting []*sim.Actor) sim.Pick {
	p := k.Replay.Pick(ready, waiting)
	if p.Actor != k.name || k.struck {
		return p
	}
	if k.at--; k.at < 0 {
		p.Deed, k.struck = k.deed, true
	}
	deaf := func(a *sim.Actor) bool { return a.Name == p.Actor && a.Interrupt == nil }
	if p.Deed == sim.Interrupt && slices.ContainsFunc(ready, deaf) {
		p.Deed = sim.Kill // it hasn't come far enough to hear a signal
	}
	return p
}

// contests are situations in which an address may be another's, and the wire of
// the guest that wants it can't tell.
func contests() map[string]func(*stage) {
	return map[string]func(*stage){
		"clone of a released guest": func(s *stage) {
			s.one()
			s.started(101)
			s.halt(101)
			s.Pass(time.Minute)
			s.clones(101, 103, "b")
		},
		"released guest's address, not named": func(s *stage) {
			s.one()
			for i := range s.pools.Pools {
				s.pools.Pools[i].Unproven = true
			}
			s.started(101)
			s.halt(101)
			s.put(s.node("a"), 101, "a", container(101), false) // and it may run
			s.Pass(time.Minute)
		},
		"reserved, and named by another": func(s *stage) {
			for i, a := range hosts(14) {
				s.pools.Reservations = append(s.pools.Reservations, lease.Reservation{Addr: a, Owner: pve.Owner{VMID: 103, NIC: subnets[i].nic}})
			}
			s.put(s.node("b"), 103, "b", addressed(s.truth.guests[103].text, hosts(14)...), false)
			s.plain(105, 14)
		},
		"renewed, and named by another": func(s *stage) {
			s.started(103)
			s.halt(103)
			s.plain(105, 10)
		},
		"static, and named by another": func(s *stage) {
			s.put(s.node("b"), 103, "b", addressed(s.truth.guests[103].text, hosts(100)...), false)
			s.plain(105, 100)
		},
		"adopted, and named by another": func(s *stage) {
			s.put(s.node("b"), 103, "b", addressed(s.truth.guests[103].text, hosts(12)...), false)
			s.plain(105, 12)
		},
		"a stranger's an hour ago": func(s *stage) {
			s.one()
			for _, a := range hosts(10) {
				s.occupy(keyOf(a), 1)
			}
			for i := range s.pools.Pools {
				s.pools.Pools[i].Unproven = true
			}
			s.started(103)
			clear(s.strangers)
			s.Pass(2 * time.Hour)
		},
	}
}

// Wherever a start is killed, or stopped, the next ones are refused as it would
// have been.
func TestKilledBetweenEveryTwoStepsWithoutAWire(t *testing.T) {
	t.Parallel()
	every := map[sim.Deed]int{sim.Kill: 1, sim.Interrupt: 7}
	for name, contest := range contests() {
		for deed, step := range every {
			t.Run(fmt.Sprintf("%s, %s", name, deed), func(t *testing.T) {
				t.Parallel()
				for at, more := 0, true; more; at += step {
					// A subtest of its own each: a scenario is a bubble.
					t.Run(fmt.Sprint(at), func(t *testing.T) {
						played(t, func(s *stage) {
							contest(s)
							s.settle()
							s.node("b").cable(false)
							k := &assassin{name: "pre-start 103", at: at, deed: deed}
							s.starting(103)
							s.must(s.Run(k))
							more = k.struck
							s.lives(103)
							s.refusedTwice(103)
						})
					})
				}
			})
		}
	}
}

// refusedTwice checks that a start says each time that it can't prove its
// address.
func (s *stage) refusedTwice(id pve.VMID) {
	s.t.Helper()
	for range 2 {
		s.started(id)
		s.lives(id)
		if e := s.watch.exits[len(s.watch.exits)-1]; !strings.Contains(e.said, "cannot prove that ") {
			s.must(errorf("%s", e.said))
		}
	}
}
