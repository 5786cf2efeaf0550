package hook_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
)

func TestSparesMeetTheOthersClaim(t *testing.T) {
	scenario(t, func(s *stage) {
		for i, a := range hosts(10) {
			s.occupy(keyOf(a), byte(i))
		}
		one, two := s.starting(101), s.starting(103)
		s.until(one, "begins to probe") // claims .10, asks for .11 and .12 too
		s.until(two, "begins to probe") // claims .11, asks for .12 and .13 too
		s.rest()
		s.lives(101, hosts(13)...) // .12 was asked for by both
		s.lives(103, hosts(11)...)
		for l := range s.watch.table.All() {
			if l.State == lease.Conflicted && !slices.Contains(hosts(10), l.Addr) {
				t.Errorf("%s is marked as a stranger's", l.Addr)
			}
		}
	})
}

func TestLatePostStopAgainstTheNextPreStart(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.running(101).ending = true // poweroff inside
		s.until("lxc-start 101", "waits for the node's lock")
		again := s.starting(101)
		s.until(again, "waits for the end of its lxc-start")
		s.rest()
		s.lives(101, hosts(10)...)
		s.leased(101, lease.Bound, hosts(10)...)
	})
}

func TestLatePostStopAfterRecoveryElsewhere(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.running(101).ending = true
		s.until("lxc-start 101", "waits for the node's lock")
		s.do("post-stop 101", sim.Stall, 3*time.Second)
		s.put(s.node("b"), 101, "b", s.truth.guests[101].text, true)
		s.settle()
		s.started(101)
		s.rest()
		s.lives(101, hosts(10)...)
		s.leased(101, lease.Bound, hosts(10)...)
	})
}

func TestGuestMigratesWhileTheInventoryWalks(t *testing.T) {
	scenario(t, func(s *stage) {
		b, c := s.node("b"), s.node("c")
		s.put(b, 103, "b", addressed(s.truth.guests[103].text, hosts(10)...), false)
		s.settle()
		one := s.starting(101)
		s.until(one, "looks at the config of")
		s.put(b, 103, "c", s.truth.guests[103].text, false)
		s.put(c, 105, "b", s.truth.guests[105].text, false)
		s.settle()
		s.rest()
		s.lives(101, hosts(11)...)
	})
}

// In the middle of a rename over an open file pmxcfs lists a guest nowhere.
func TestGuestIsListedNowhereWhileTheInventoryReads(t *testing.T) {
	scenario(t, func(s *stage) {
		b := s.node("b")
		text := addressed(s.truth.guests[103].text, hosts(10)...)
		s.put(b, 103, "b", text, false)
		s.settle()
		s.commanding("knows all", s.node("a"), func(ctx context.Context, h *hook.Hook) { _, _ = h.Inventory(ctx) })
		s.rest()
		s.change(b, func(e *etcPVE) { e.version++; delete(e.guests, 103) })
		s.settle()
		one := s.starting(101)
		s.until(one, "waits for guests on their way")
		s.put(b, 103, "b", text, false)
		s.settle()
		s.rest()
		s.lives(101, hosts(11)...)
	})
}

func TestConfigEditedWhileWaitingForTheLock(t *testing.T) {
	scenario(t, func(s *stage) {
		n := s.node("a")
		s.Start(nil, "pct set", "a", func(a *sim.Actor) { s.set(a, event{id: 101, n: 3}) })
		s.until("pct set", "waits for its task")
		s.until("task 101", "edit: writes the config")
		s.commanding("by hand", n, func(ctx context.Context, h *hook.Hook) { h.Run(ctx, 101, hook.PreStart, hook.Options{}) })
		s.until("by hand", "waits for Proxmox's lock")
		s.until("task 101", "")
		s.rest()
		edited := append(hosts(13)[:1], hosts(10)[1:]...)
		s.leased(101, lease.Bound, edited...)
		s.started(101)
		s.lives(101, edited...)
	})
}

func TestClaimedAddressWrittenIntoAnotherConfig(t *testing.T) {
	scenario(t, func(s *stage) {
		one := s.starting(101)
		s.until(one, "begins to probe")
		s.put(s.node("b"), 103, "b", addressed(s.truth.guests[103].text, hosts(10)...), false)
		s.settle()
		s.rest()
		s.lives(101, hosts(11)...)
	})
}

func TestConfigEditedDuringTheProof(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		one := s.starting(101)
		s.until(one, "listens")
		s.put(s.node("a"), 101, "a", addressed(s.truth.guests[101].text, hosts(14)...), false)
		s.rest()
		s.lives(101, hosts(14)...)
		s.leased(101, lease.Bound, hosts(14)...)
	})
}

// Whoever waited for the config's lock finds the guest running.
func TestCommandsWaitForAStart(t *testing.T) {
	for name, command := range map[string]func(context.Context, *hook.Hook){
		"release":  func(ctx context.Context, h *hook.Hook) { _, _ = h.Release(ctx, 101) },
		"move":     func(ctx context.Context, h *hook.Hook) { _ = h.Move(ctx, hosts(15)[0], 101) },
		"renumber": func(ctx context.Context, h *hook.Hook) { h.Renumber(ctx, 101, hook.Options{}) },
		"by hand":  func(ctx context.Context, h *hook.Hook) { h.Run(ctx, 101, hook.PreStart, hook.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(s *stage) {
				one := s.starting(101)
				s.until(one, "begins to probe")
				s.commanding(name, s.node("a"), command)
				s.until(name, "waits for Proxmox's lock")
				s.until(one, "")
				s.rest()
				s.lives(101, hosts(10)...)
				s.leased(101, lease.Bound, hosts(10)...)
			})
		})
	}
}

// A stop-mode backup starts the guest without Proxmox's lock: whoever gets that
// must notice an lxc-start that hasn't come far yet.
func TestRenumberAgainstABackup(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.halt(101)
		s.Start(nil, "vzdump", "a", func(a *sim.Actor) { s.boot(a, s.node("a"), 101) })
		s.until("vzdump", "PVE's own hook reads the config again")
		s.commanding("renumber", s.node("a"), func(ctx context.Context, h *hook.Hook) { h.Renumber(ctx, 101, hook.Options{}) })
		s.until("renumber", "")
		s.rest()
		s.lives(101, hosts(10)...)
		s.leased(101, lease.Bound, hosts(10)...)
	})
}

func TestReclaimAgainstARecreatedGuest(t *testing.T) {
	scenario(t, func(s *stage) {
		n := s.node("a")
		reclaim := func(ctx context.Context, h *hook.Hook) { _, _ = h.Reclaim(ctx, false) }
		s.started(101)
		s.halt(101)
		s.change(n, func(e *etcPVE) { e.version++; delete(e.guests, 101) })
		s.commanding("first sight", n, reclaim)
		s.rest()
		s.Pass(25 * time.Hour)
		s.commanding("reclaim", n, reclaim)
		s.until("reclaim", "begins to probe")
		s.until("reclaim", "makes the lock directory")
		s.create(s.node("b"), 101, hosts(10)...)
		s.settle()
		s.started(101)
		s.lives(101, hosts(10)...)
		s.rest()
		s.leased(101, lease.Bound, hosts(10)...)
	})
}

// A dry run says what the next one does, and changes nothing.
func TestReclaimAfterADryRun(t *testing.T) {
	scenario(t, func(s *stage) {
		n := s.node("a")
		reclaim := func(dry bool) (freed []netip.Addr) {
			s.commanding("reclaim", n, func(ctx context.Context, h *hook.Hook) {
				verdicts, err := h.Reclaim(ctx, dry)
				if err != nil {
					t.Error(err)
				}
				for _, v := range verdicts {
					if v.Freed {
						freed = append(freed, v.Lease.Addr)
					}
				}
			})
			s.rest()
			slices.SortFunc(freed, netip.Addr.Compare)
			return freed
		}
		s.started(101)
		s.halt(101)
		s.change(n, func(e *etcPVE) { e.version++; delete(e.guests, 101) })
		if freed := reclaim(false); len(freed) > 0 {
			t.Errorf("at first sight %s are freed", freed)
		}
		s.Pass(25 * time.Hour)
		its := slices.SortedFunc(slices.Values(hosts(10)), netip.Addr.Compare)
		was := s.truth.slots
		if freed := reclaim(true); !slices.Equal(freed, its) || !same(s.truth.slots[0], was[0]) || !same(s.truth.slots[1], was[1]) {
			t.Errorf("the dry run would free %s\n%s", freed, s.watch.dump())
		}
		if freed := reclaim(false); !slices.Equal(freed, its) || s.watch.table.Len() > 0 {
			t.Errorf("%s are freed\n%s", freed, s.watch.dump())
		}
	})
}
