package hook_test

import (
	"context"
	"strings"
	"testing"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
)

// The task is stopped between the proof and the write: its worker is gone, and
// with it the lock under which the config could be written.
func TestTaskThatIsGoneBeforeTheWrite(t *testing.T) {
	scenario(t, func(s *stage) {
		before := s.truth.guests[101].text
		one := s.starting(101)
		s.until(one, "listens")
		s.until(one, "asks whether it is stopping")
		s.until(one, "reads slot")
		s.do(one, sim.Kill, 0)
		s.rest()
		s.lives(101)
		if now := s.truth.guests[101].text; now != before {
			s.must(errorf("the config was written:\n%s", now))
		}
		if e := s.watch.exits; len(e) > 0 {
			s.must(errorf("%+v", e))
		}
	})
}

// The config is edited while a degraded start asks for what it said before: the
// new address was not asked for.
func TestConfigEditedDuringADegradedStart(t *testing.T) {
	scenario(t, func(s *stage) {
		s.pools = config.Config{Disabled: []config.Disabled{{Kind: "pool", Why: "no such pool"}}}
		s.put(s.node("a"), 101, "a", container(101, hosts(10)[0]), false)
		s.settle()
		one := s.starting(101)
		s.until(one, "listens")
		s.put(s.node("a"), 101, "a", container(101, hosts(14)[0]), false)
		s.settle()
		s.rest()
		s.lives(101, hosts(14)[0])
		e := s.watch.exits[len(s.watch.exits)-1]
		if !strings.Contains(e.said, "CT 101 starts with 192.0.2.14/24 as net0 says") || strings.Contains(e.said, "starts with 192.0.2.10/") {
			s.must(errorf("%s", e.said))
		}
	})
}

// Without quorum a stop doesn't even ask for the ledger's lock: on pmxcfs each
// try may block for seconds, and with it everything else on the guest.
func TestStopWithoutQuorumAsksForNoLock(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.node("a").quorate = false
		var code int
		s.commanding("by hand", s.node("a"), func(ctx context.Context, h *hook.Hook) {
			code = h.Run(ctx, 101, hook.PostStop, hook.Options{})
		})
		s.until("by hand", "")
		if code != hook.Locked {
			t.Errorf("exit %d", code)
		}
		for _, step := range s.Trace() {
			if step.Actor == "by hand" && (strings.Contains(step.What, "lock") || strings.Contains(step.What, "marker")) {
				t.Errorf("%s", step)
			}
		}
	})
}
