package node

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// netns is a network namespace for one test.
func netns(t testing.TB) *lab.Namespace {
	t.Helper()
	lab.Require(t)
	ns, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

// stateIn asks from inside a namespace.
func stateIn(t testing.TB, ns *lab.Namespace, id pve.VMID) State {
	t.Helper()
	var state State
	if err := ns.Do(func() (err error) { state, err = new(Host).RunState(id); return err }); err != nil {
		t.Fatal(err)
	}
	return state
}

// A container's whole life, seen from its own host and from another.
func TestRunState(t *testing.T) {
	t.Parallel()
	ns, other := netns(t), netns(t)
	check := func(when string, want State) {
		t.Helper()
		if got := stateIn(t, ns, 101); got != want {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
		for _, id := range []pve.VMID{100, 1010, 1101} {
			if got := stateIn(t, ns, id); got != Stopped {
				t.Errorf("%s: CT %s is %v", when, id, got)
			}
		}
		if got := stateIn(t, other, 101); got != Stopped {
			t.Errorf("%s: %v on another host", when, got)
		}
	}
	check("before", Stopped)
	c := play(t, "start", ns.Start, "/usr/bin/lxc-start", "-F", "-n", "101", "socket")
	c.says()
	check("up", Running)
	c.step()
	c.says()
	check("its hooks run", Stopping)
	c.end()
	check("after", Stopped)
}

// TestRunStateAfterUpgrade: the program of a container that still stops was
// replaced meanwhile.
func TestRunStateAfterUpgrade(t *testing.T) {
	t.Parallel()
	ns := netns(t)
	c := play(t, "start", ns.Start, "/usr/bin/lxc-start", "-F", "-n", "101")
	c.says()
	if err := os.Remove(c.cmd.Path); err != nil {
		t.Fatal(err)
	}
	if got := stateIn(t, ns, 101); got != Stopping {
		t.Errorf("a container whose lxc-start is deleted is %v", got)
	}
}

func TestRunStateZombie(t *testing.T) {
	t.Parallel()
	ns := netns(t)
	c := play(t, "start", ns.Start, "lxc-start", "-F", "-n", "101")
	c.says()
	_ = c.in.Close()
	for range 2 { // its output ends as it does; it is not waited for
		_, _ = c.out.ReadString('\n')
	}
	stat := func() string {
		data, _ := os.ReadFile(procPath(c.cmd.Process.Pid, "stat"))
		return string(data)
	}
	for !strings.Contains(stat(), ") Z ") {
		if stat() == "" {
			t.Fatal("no zombie")
		}
	}
	if got := stateIn(t, ns, 101); got != Stopped {
		t.Errorf("a zombie is %v", got)
	}
}

func TestAwaitStopped(t *testing.T) {
	t.Parallel()
	ns := netns(t)
	await := func(ctx context.Context) error {
		return ns.Do(func() error { return new(Host).AwaitStopped(ctx, 101) })
	}
	if err := await(t.Context()); err != nil {
		t.Errorf("stopped: %v", err)
	}
	c := play(t, "start", ns.Start, "lxc-start", "-F", "-n", "101", "socket")
	c.says()
	if err := await(t.Context()); !errors.Is(err, ErrRunning) {
		t.Errorf("running: %v", err)
	}
	c.step()
	c.says()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("deadline of 30 s is over"))
	err := await(ctx)
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(c.cmd.Process.Pid)) || !strings.Contains(err.Error(), "30 s is over") {
		t.Errorf("still stopping: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(c.end)
	if err := await(t.Context()); err != nil {
		t.Errorf("stopped at last: %v", err)
	}
	wg.Wait()
}

// What looks like a stopping container may be one that has just begun.
func TestAwaitStoppedStarting(t *testing.T) {
	t.Parallel()
	ns := netns(t)
	// First only the process, then, in another, the socket.
	early := play(t, "start", ns.Start, "lxc-start", "-F", "-n", "101")
	early.says()
	if got := stateIn(t, ns, 101); got != Stopping {
		t.Errorf("before the socket is there: %v", got)
	}
	done := make(chan error, 1)
	go func() { done <- ns.Do(func() error { return new(Host).AwaitStopped(context.Background(), 101) }) }()
	late := play(t, "start", ns.Start, "lxc-start", "-F", "-n", "101", "socket")
	late.says()
	if err := <-done; !errors.Is(err, ErrRunning) {
		t.Errorf("AwaitStopped = %v, want ErrRunning", err)
	}
}

func TestStoppingRun(t *testing.T) {
	t.Parallel()
	c := play(t, "start", nil, "/usr/bin/lxc-start", "-F", "-n", "101", "hook")
	// found; with the parent's start time; in the past; not for another guest
	if got := c.says(); got != "true true true false" {
		t.Errorf("a hook under lxc-start: %s", got)
	}
	if _, ok := new(Host).StoppingRun(101); ok {
		t.Error("found an lxc-start above this test")
	}
}

func BenchmarkRunState(b *testing.B) {
	ns := netns(b)
	for range 1000 {
		cmd := exec.Command("sleep", "1000")
		if err := ns.Start(cmd); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	b.ResetTimer()
	for b.Loop() {
		if _, err := new(Host).RunState(101); err != nil {
			b.Fatal(err)
		}
	}
}
