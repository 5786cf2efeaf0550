package probe_test

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// Two nodes that probe for one address at once see each other.
func TestTwoNodesContend(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	one, _ := f.Node("pve1", lan)
	two, _ := f.Node("pve2", lan)
	ports := []*probe.Port{open(t, one, "vmbr0", "eno1"), open(t, two, "vmbr0", "eno1")}
	results := make([]probe.Result, len(ports))
	var all sync.WaitGroup
	for i, p := range ports {
		all.Go(func() { results[i] = askPort(t, p, nil) })
	}
	all.Wait()
	for i, r := range results {
		other := ports[1-i].MAC()
		want(t, r, probe.Contended, probe.Contended)
		if got := r.Answers[0].MACs; !slices.Equal(got, []pve.MAC{other}) {
			t.Errorf("contended by %v, want %s", got, other)
		}
	}
}

func TestLiarOnTheWire(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	liar := f.Stranger(lan, lab.Script{All: true})

	r := ask(t, node, func(q *probe.Question) {
		q.Candidates = []netip.Addr{tested, idle, addr("10.0.0.203")}
	})
	for _, a := range r.Answers {
		if !slices.Equal(a.MACs, []pve.MAC{liar.MAC}) || a.Ports[0] != "eno1" {
			t.Errorf("%s: %v on %v, want %s on eno1", a.Addr, a.MACs, a.Ports, liar.MAC)
		}
	}
}

func TestTwoHostsWithOneAddress(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	a := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{tested}})
	b := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{tested}, Delay: 20 * time.Millisecond})

	r := ask(t, node, nil)
	want(t, r, probe.Taken, probe.Free)
	if got := r.Answers[0].MACs; !slices.Equal(got, []pve.MAC{a.MAC, b.MAC}) {
		t.Errorf("taken by %v, want %s and %s", got, a.MAC, b.MAC)
	}
}

func TestManyStrangers(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	for a := addr("10.0.1.0"); a != addr("10.0.3.0"); a = a.Next() {
		f.Stranger(lan, lab.Script{Addrs: []netip.Addr{a}})
	}
	r := ask(t, node, func(q *probe.Question) { q.Candidates = []netip.Addr{addr("10.0.2.255"), addr("10.0.3.0")} })
	want(t, r, probe.Taken, probe.Free)
}

func TestAskEndsWithContext(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	pace, _ := probe.Preset("rfc5227")
	ctx, cancel := context.WithCancelCause(t.Context())
	port := open(t, s.node, "vmbr0", "eno1")
	gone := errors.New("the task is gone")
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	r, err := port.Ask(ctx, probe.Question{Candidates: []netip.Addr{idle}, Pace: pace})
	if !errors.Is(err, gone) || len(r.Answers) != 0 {
		t.Errorf("got %v and %v, want no answers and %v", r.Answers, err, gone)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	for name, c := range map[string]struct{ bridge, want string }{
		"no such bridge": {"vmbr9", "there is no bridge vmbr9 on this node"},
		"no bridge":      {"eno1", "eno1 is not a Linux bridge, so nobody can say what is plugged into it"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Must(s.node.Do(func() error {
				_, err := probe.Open(probe.Place{Bridge: c.bridge}, nil)
				if err == nil || err.Error() != c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return nil
			}))
		})
	}
}

func TestOpenWithoutRights(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	got := make(chan error)
	go func() {
		// Rights belong to the thread; tied to its goroutine, it ends with it.
		runtime.LockOSThread()
		got <- s.node.Do(func() error {
			if err := dropRawNetwork(); err != nil {
				return err
			}
			_, err := probe.Open(probe.Place{Bridge: "vmbr0"}, nil)
			return err
		})
	}()
	if err := <-got; err == nil || !strings.Contains(err.Error(), "probing on vmbr0 needs root or CAP_NET_RAW") {
		t.Errorf("got %v", err)
	}
}

// dropRawNetwork takes CAP_NET_RAW from the calling thread.
func dropRawNetwork() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_RAW
	return unix.Capset(&header, &data[0])
}
