package hook_test

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// patient is a pool whose window leaves time to interfere.
const patient = wired + "\tprobe careful\n"

// asked waits until an address has been asked for: the claim is stored, and
// the window is open.
func (h *host) asked(ear *lab.Stranger, a string) {
	h.t.Helper()
	h.await("a probe for "+a, func() bool { return ear.Asked(netip.MustParseAddr(a)) > 0 })
}

// await waits for what must happen.
func (h *host) await(what string, happened func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// meanwhile is everything but for what a start has written ahead, and takes away
// again.
func (h *host) meanwhile() map[string]string {
	all := h.everything()
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.Contains(name, "/.101.conf") })
	return all
}

// ear hears probes and says nothing.
func (h *host) ear(addrs ...string) *lab.Stranger { return h.script(lab.Script{Mute: true}, addrs...) }

func TestSignalWhileProbingEndsTheStart(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "Ctrl-C": syscall.SIGINT, "SIGHUP": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, patient)
			ear := h.ear("10.0.0.200")
			h.put(ct{id: 101, ip: "manual"})
			r := h.launch(h.command(program, h.call(101, "pre-start")...))
			h.asked(ear, "10.0.0.200")
			before := h.meanwhile()
			h.Must(r.cmd.Process.Signal(sig))
			r.wait().exits(hook.Failed).says("error: stopped by " + name + ": net0 is unchanged")
			if diff := gocmp.Diff(before, h.everything()); diff != "" {
				t.Errorf("written after the signal (-before +after):\n%s", diff)
			}
			h.start(101).exits(hook.OK).says("10.0.0.200/24", "its lease since")
		})
	}
}

// When the task is gone its lock is free, and nothing may be written.
func TestHookWhoseTaskWasKilledWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	ear := h.ear("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"})
	orphan := h.command(program, h.call(101, "pre-start")...)
	task := h.command(worker, orphan.Args...)
	log, end, err := os.Pipe()
	h.Must(err)
	task.Stdout, task.Stderr = end, end
	h.Must(h.node.Start(task))
	h.Must(end.Close())
	h.asked(ear, "10.0.0.200")
	h.Must(task.Process.Kill())
	_ = task.Wait()
	before := h.meanwhile()

	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); { // to the end of the orphan
		said.WriteString(lines.Text() + "\n")
	}
	result{t, 0, said.String()}.says("error: the task that called us is gone: net0 is unchanged")
	if diff := gocmp.Diff(before, h.everything()); diff != "" {
		t.Errorf("written without a task (-before +after):\n%s", diff)
	}
	h.start(101).exits(hook.OK).says("10.0.0.200/24", "its lease since")
}

func TestDeadlineEndsTheStart(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.100-10.0.0.199"))
	var taken [3][]string // by three hosts, since one with all of them were a liar
	for i := range 60 {
		taken[i%3] = append(taken[i%3], fmt.Sprintf("10.0.0.%d", 100+i))
	}
	for _, addrs := range taken { // all are asked for side by side, in windows a second apart
		h.stranger(addrs...)
	}
	h.settings(hasty)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.Failed).says("error: gave up at the deadline: net0 is unchanged", "'deadline' in node.cfg")
	h.has(ct{id: 101, ip: "manual"})
}

// The task log may be gone; the guest gets its address all the same.
func TestNobodyReadsTheTaskLog(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(h *host) error{
		"reader gone": func(h *host) error {
			r, w, err := os.Pipe()
			h.Must(errors.Join(err, r.Close()))
			cmd := h.command(program, h.call(101, "pre-start")...)
			cmd.Stdout, cmd.Stderr = w, w
			return errors.Join(h.node.Run(cmd), w.Close())
		},
		"streams closed": func(h *host) error {
			return h.node.Run(h.command(mute, h.command(program, h.call(101, "pre-start")...).Args...))
		},
		"disk of the log full": func(h *host) error {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			h.Must(err)
			cmd := h.command(program, h.call(101, "pre-start")...)
			cmd.Stdout, cmd.Stderr = full, full
			return errors.Join(h.node.Run(cmd), full.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			s := h.stranger("10.0.0.200") // something to warn of half way
			h.put(ct{id: 101, ip: "manual"})
			h.Must(run(h))
			h.has(ct{id: 101, ip: "10.0.0.201/24", gw: "10.0.0.1"})
			h.records("10.0.0.200 conflicted "+s.MAC.String(), "10.0.0.201 ct/101/net0 bound pool")
		})
	}
}
