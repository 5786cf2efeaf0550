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

// one leaves a single address in each pool, which nobody keeps for a stopped
// guest.
func (s *stage) one() {
	s.pools = poolsOf(10, 10)
	for i := range s.pools.Pools {
		s.pools.Pools[i].Hold = 0
	}
}

// clones makes a guest on another node of a stopped one, with its addresses.
func (s *stage) clones(of, id pve.VMID, on string) {
	s.put(s.node("b"), id, on, renamed(s.truth.guests[of].text, of, id), false)
	s.settle()
}

// plain is a guest's config without our hook, with these addresses.
func (s *stage) plain(id pve.VMID, n int) {
	text := addressed(s.truth.guests[id].text, hosts(n)...)
	s.put(s.home(id), id, s.truth.guests[id].node, strings.Replace(text, "hookscript: local:snippets/pve-iplease\n", "", 1), false)
	s.settle()
}

// refused checks that a start is, however often it is tried, and for which
// reason.
func (s *stage) refused(id pve.VMID, why string) {
	s.t.Helper()
	for range 3 {
		s.started(id)
		s.lives(id)
		s.lastExit(hook.Failed)
		if e := s.watch.exits[len(s.watch.exits)-1]; !strings.Contains(e.said, why) {
			s.must(errorf("%q is not said: %s", why, e.said))
		}
	}
}

// Between claim and proof a start ends; who had the address before may run
// with it, and the wire can't tell. The next start is judged as the first.
func TestStartThatEndedBeforeItsProof(t *testing.T) {
	for name, deed := range map[string]sim.Deed{"killed": sim.Kill, "stopped": sim.Interrupt} {
		for _, step := range []string{"begins to probe", "probes", "listens"} {
			t.Run(name+" "+step, func(t *testing.T) {
				scenario(t, func(s *stage) {
					s.one()
					s.started(101)
					s.halt(101)
					s.Pass(time.Minute)
					s.clones(101, 103, "b")
					s.node("b").cable(false)
					two := s.starting(103)
					s.until(two, step)
					s.do("pre-start 103", deed, 0)
					s.rest()
					s.lives(103)
					s.refused(103, "cannot prove that 192.0.2.10 is free")
				})
			})
		}
	}
}

// A pool of one address, and the clone of the stopped guest that has it.
func TestCloneOfAReleasedGuestWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		s.one()
		s.started(101)
		s.halt(101)
		s.Pass(time.Minute)
		s.clones(101, 103, "b")
		s.node("b").cable(false)
		s.refused(103, "cannot prove that 192.0.2.10 is free")
		// Whoever had it isn't locked out by that.
		s.leased(101, lease.Released, hosts(10)...)
		s.started(101)
		s.lives(101, hosts(10)...)
	})
}

// A reservation says who may have the address, and not that it is free.
func TestReservedAddressThatAnotherConfigNamesWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		for i, a := range hosts(14) {
			s.pools.Reservations = append(s.pools.Reservations, lease.Reservation{Addr: a, Owner: pve.Owner{VMID: 103, NIC: subnets[i].nic}})
		}
		s.put(s.node("b"), 103, "b", addressed(s.truth.guests[103].text, hosts(14)...), false)
		s.plain(105, 14)
		s.node("b").cable(false)
		s.refused(103, "cannot prove that 192.0.2.14 is free")
	})
}

// An ordinary renewal, while a guest without our hook names the address.
func TestRenewalThatAnotherConfigNamesWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.plain(105, 10)
		s.node("a").cable(false)
		s.refused(101, "cannot prove that 192.0.2.10 is free")
		s.node("a").cable(true)
		s.Pass(time.Minute)
		s.started(101)
		s.lives(101, hosts(10)...)
	})
}

// What a proof heard is not forgotten because the next one hears nothing.
func TestStaticAddressThatWasHeardWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		s.put(s.node("a"), 101, "a", addressed(s.truth.guests[101].text, hosts(100)...), false)
		s.settle()
		s.started(101)
		s.lives(101, hosts(100)...)
		s.halt(101)
		s.occupy(keyOf(hosts(100)[0]), 1)
		s.started(101)
		s.lastExit(hook.Conflict)
		s.node("a").cable(false)
		s.refused(101, "cannot prove that 192.0.2.100 is free")
	})
}

// confirmed is an administrator's word for a guest.
func (s *stage) confirmed(id pve.VMID) (err error) {
	s.commanding("confirm "+id.String(), s.home(id), func(ctx context.Context, h *hook.Hook) { _, err = h.Vouch(ctx, id) })
	s.rest()
	return err
}

// startsUnproven checks that a guest comes up, and that it is said that nothing
// was proved.
func (s *stage) startsUnproven(id pve.VMID, n int) {
	s.t.Helper()
	s.started(id)
	s.lives(id, hosts(n)...)
	if e := s.watch.exits[len(s.watch.exits)-1]; !strings.Contains(e.said, "starts unproven") {
		s.must(errorf("it is not said that it starts unproven: %s", e.said))
	}
}

// An administrator's word lets a guest start until another config names its
// address, or somebody is heard.
func TestConfirmedAddressWithoutAWire(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.plain(105, 10)
		s.node("a").cable(false)
		s.refused(101, "'pve-iplease confirm 101'")
		s.must(s.confirmed(101))
		for range 2 {
			s.startsUnproven(101, 10)
			s.halt(101)
		}
		s.plain(106, 10)
		s.refused(101, "is named by the config of CT 106 on c")
		s.must(s.confirmed(101))
		s.startsUnproven(101, 10)
		s.halt(101)
		s.node("a").cable(true)
		s.Pass(time.Minute)
		for _, a := range hosts(10) {
			s.occupy(keyOf(a), 1)
		}
		for i := range s.pools.Pools {
			s.pools.Pools[i].Fail = true
		}
		s.started(101)
		s.lastExit(hook.Conflict)
		s.node("a").cable(false)
		s.refused(101, "cannot prove that 192.0.2.10 is free")
	})
}

// Nobody vouches for an address with which another guest runs on this node.
func TestConfirmWhileAnotherGuestRuns(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.plain(102, 10)
		s.Start(nil, "systemctl", "a", func(a *sim.Actor) { s.unhooked(a, event{id: 102}) })
		s.rest()
		if err := s.confirmed(101); err == nil || !strings.Contains(err.Error(), "is named by the config of CT 102, which is running") {
			t.Error(err)
		}
	})
}

// An address that another had once is a guest's own as soon as it is proved,
// also after the power failed, and for a node that can tell nothing yet.
func TestPowerFailureWithoutAWire(t *testing.T) {
	fails := func(s *stage) {
		s.Start(nil, "power", "", func(a *sim.Actor) { s.power(a, event{n: 1}) })
		s.until("power", "the node is off")
		s.node("a").cable(false)
		s.rest()
	}
	for name, before := range map[string]func(*stage){
		"its own": func(s *stage) { s.started(101) },
		"another's before": func(s *stage) {
			s.one()
			s.started(103)
			s.halt(103)
			s.Pass(time.Minute)
			s.started(101)
			s.put(s.node("b"), 103, "b", container(103), false)
			s.settle()
		},
		"the ledger was rebuilt": func(s *stage) {
			s.started(101)
			s.damage(nil, event{n: 2})
			s.settle()
			s.started(102)
		},
		"it was killed after its proof": func(s *stage) {
			s.one()
			s.started(103)
			s.halt(103)
			s.Pass(time.Minute)
			s.clones(103, 101, "a")
			one := s.starting(101)
			s.until(one, "notes in proved")
			s.until(one, "reads the config of 101")
			s.do("pre-start 101", sim.Kill, 0)
			s.rest()
			s.put(s.node("b"), 103, "b", container(103), false)
			s.settle()
			s.node("a").cable(false)
			s.started(101)
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				before(s)
				s.lives(101, hosts(10)...)
				fails(s)
				s.lives(101, hosts(10)...)
			})
		})
	}
}
