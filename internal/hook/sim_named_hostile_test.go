package hook_test

import (
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// hostile puts such a guest on each network of a node.
func (s *stage) hostile(n *machine, does hostile) (end func()) {
	was := s.hostiles
	for i, on := range subnets {
		h := does
		h.n, h.on, h.mac = n, on.Segment, pve.MAC{6, 0, 0, 6, 6, byte(i)}
		s.hostiles = append(s.hostiles, &h)
	}
	return func() { s.hostiles = was }
}

// marks counts what is recorded of strangers.
func (s *stage) marks() (n int) {
	for l := range s.watch.table.All() {
		if l.State == lease.Conflicted {
			n++
		}
	}
	return n
}

// Who asks for every address that we ask for, on this node or another, keeps
// nobody from starting, and nobody from its address.
func TestHostileProber(t *testing.T) {
	for _, on := range []string{"a", "b"} {
		t.Run(on, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.hostile(s.node(on), hostile{wants: true})
				for range 2 {
					s.started(101)
					s.lastExit(hook.OK)
					s.lives(101, hosts(10)...)
					s.halt(101)
				}
			})
		})
	}
}

// Who answers for every address by one port is not believed, and nothing is
// marked; who really has one is heard beside it.
func TestHostileLiar(t *testing.T) {
	scenario(t, func(s *stage) {
		s.hostile(s.node("a"), hostile{lies: true})
		s.started(101)
		s.lastExit(hook.OK)
		s.lives(101, hosts(10)...)
		if n := s.marks(); n > 0 {
			t.Errorf("%d addresses are marked\n%s", n, s.watch.dump())
		}
		for i, a := range hosts(11) {
			s.occupy(keyOf(a), byte(i))
		}
		s.started(102)
		s.lives(102, hosts(12)...)
		if n := s.marks(); n != len(subnets) {
			t.Errorf("%d addresses are marked\n%s", n, s.watch.dump())
		}
	})
}

// Nothing is learnt of a gateway that a guest of the node plays, nor of one
// that is by its config a guest of the node; once they are gone nobody waits
// for them.
func TestForgedGateway(t *testing.T) {
	for name, configured := range map[string]bool{"played": false, "a guest by its config": true} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				s.routers = false
				if configured {
					s.put(s.node("a"), hostileID, "a", container(hostileID, hosts(1)...), false)
					s.settle()
				}
				end := s.hostile(s.node("a"), hostile{plays: true})
				s.started(101)
				s.lives(101, hosts(10)...)
				end()
				s.started(102)
				s.lastExit(hook.OK)
				s.lives(102, hosts(11)...)
			})
		})
	}
}

// While the switch port learns, a guest that plays the gateway doesn't make
// anything free.
func TestPlayedGatewayWhileTheSwitchLearns(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101) // learns the gateway
		for i, a := range hosts(11) {
			s.occupy(keyOf(a), byte(i))
		}
		for _, l := range s.node("a").links {
			l.mute = true
		}
		s.hostile(s.node("a"), hostile{plays: true})
		s.must(s.Until(s.starting(102), ""))
		s.lastExit(hook.Failed)
		s.lives(102)
	})
}

// A gateway that somebody on the network played and that is gone refuses new
// leases for an hour at most.
func TestGatewayThatIsGone(t *testing.T) {
	scenario(t, func(s *stage) {
		s.routers = false
		end := s.hostile(s.node("b"), hostile{plays: true}) // can't be told from a router
		s.started(101)
		end()
		s.must(s.Until(s.starting(102), ""))
		s.lastExit(hook.Failed)
		s.Pass(time.Hour)
		s.started(102)
		s.lastExit(hook.OK)
		s.lives(102, hosts(11)...)
	})
}
