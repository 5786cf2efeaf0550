package hook_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// stage is a cluster on which a scenario is played: nodes a, b and c with two
// guests each, CT 101 and 102 on a, 103 and 104 on b, 105 and 106 on c.
type stage struct {
	*cluster
	t *testing.T
}

// scenario plays one interleaving by name.
func scenario(t *testing.T, f func(*stage)) {
	t.Parallel()
	played(t, f)
}

// played is a scenario that others wait for.
func played(t *testing.T, f func(*stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{newCluster(1, "a", "b", "c"), t}
		defer s.Close()
		for i, n := range s.nodes {
			s.create(n, pve.VMID(101+2*i))
			s.create(n, pve.VMID(102+2*i))
		}
		s.settle()
		f(s)
		s.must(s.Rest())
	})
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		for _, step := range s.Trace() {
			s.t.Log(step)
		}
		for _, e := range s.watch.exits {
			s.t.Logf("%s: exit %d\n%s", e.who, e.code, e.said)
		}
		s.t.Fatal(err)
	}
}

// starting begins a start of a guest where it is.
func (s *stage) starting(id pve.VMID) (name string) {
	n := s.home(id)
	name = "start " + id.String()
	s.Start(nil, name, n.name, func(a *sim.Actor) { s.start(a, n, id) })
	return name
}

// started starts a guest, undisturbed.
func (s *stage) started(id pve.VMID) {
	s.t.Helper()
	s.must(s.Until(s.starting(id), ""))
	s.settle()
}

// stopped stops a guest, undisturbed.
func (s *stage) halt(id pve.VMID) {
	s.t.Helper()
	n := s.home(id)
	s.Start(nil, "stop "+id.String(), n.name, func(a *sim.Actor) { s.cluster.stop(a, n, id) })
	s.must(s.Rest())
	s.settle()
}

func (s *stage) until(name, what string) {
	s.t.Helper()
	s.must(s.Until(name, what))
}

func (s *stage) do(name string, d sim.Deed, length time.Duration) {
	s.t.Helper()
	s.must(s.Do(sim.Pick{Actor: name, Deed: d, For: length}))
}

func (s *stage) rest() {
	s.t.Helper()
	s.must(s.Rest())
}

// lives checks with which addresses a guest runs; without any, that it doesn't.
func (s *stage) lives(id pve.VMID, want ...netip.Addr) {
	s.t.Helper()
	var got []netip.Addr
	if r := s.running(id); r != nil && r.socket {
		for _, a := range r.carries {
			got = append(got, a.Addr)
		}
	}
	if !slices.Equal(got, want) {
		s.must(errorf("CT %s lives with %s, want %s\n%s", id, got, want, s.watch.dump()))
	}
}

// leased checks in which state a guest's leases on addresses are.
func (s *stage) leased(id pve.VMID, want lease.State, addrs ...netip.Addr) {
	s.t.Helper()
	for _, a := range addrs {
		its := func(l lease.Lease) bool { return l.Owner.VMID == id && l.State == want }
		if !slices.ContainsFunc(s.watch.table.At(keyOf(a)), its) {
			s.must(errorf("CT %s has no %s lease on %s\n%s", id, want, a, s.watch.dump()))
		}
	}
}

// lastExit is the exit code of the pre-start that ended last.
func (s *stage) lastExit(want int) {
	s.t.Helper()
	e := s.watch.exits[len(s.watch.exits)-1]
	if e.code != want {
		s.must(errorf("%s: exit %d, want %d: %s", e.who, e.code, want, e.said))
	}
}

// command runs a command on a node as an actor of its own.
func (s *stage) commanding(name string, n *machine, f func(context.Context, *hook.Hook)) {
	s.program(nil, name, n, func(ctx context.Context, _ *process, h *hook.Hook) { f(ctx, h) })
}
