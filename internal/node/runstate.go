package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/pve"
)

// State is what a container is doing.
type State uint8

// The states of a container. Stopping means that its lxc-start lives without
// a command socket: the post-stop hooks run, and Proxmox is about to rewrite
// the config. For the few milliseconds before lxc-start opens its socket a
// starting container looks the same; taking it for a stopping one costs a
// short wait, the contrary would cost an edit, so that is what it is taken
// for. AwaitStopped tells the two apart.
const (
	Stopped State = iota
	Running
	Stopping
)

func (s State) String() string { return [...]string{"stopped", "running", "stopping"}[s] }

// ErrRunning means that a container which was waited for runs instead.
var ErrRunning = errors.New("container is running")

// stopPoll is how often a stopping container is looked at.
const stopPoll = 25 * time.Millisecond

// RunState tells what a container of this network namespace is doing. Running
// is what Proxmox itself asks, the abstract socket of lxc-start
// (PVE::LXC::list_active_containers), when root made it; an error means that it
// cannot be told.
func (h *Host) RunState(id pve.VMID) (State, error) {
	state, _, err := h.runState(id)
	return state, err
}

// AwaitStopped waits while a container is stopping, until its lxc-start is
// gone and with it whoever might still rewrite its config. It returns
// ErrRunning if the container runs, or turns out to have been starting.
func (h *Host) AwaitStopped(ctx context.Context, id pve.VMID) error {
	for {
		state, pid, err := h.runState(id)
		switch {
		case err != nil:
			return err
		case state == Running:
			return fmt.Errorf("CT %s: %w", id, ErrRunning)
		case state == Stopped:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("CT %s is still stopping: its lxc-start, process %d, has not ended; start it again when it has: %w",
				id, pid, context.Cause(ctx))
		case <-time.After(stopPoll):
		}
	}
}

// StoppingRun finds the lxc-start that this process runs under, as a
// post-stop hook does, and when it began, counted from boot. ok is false
// elsewhere, as when called by hand.
func (h *Host) StoppingRun(id pve.VMID) (start time.Duration, ok bool) {
	for pid := range ancestors(os.Getpid()) {
		if startsContainer(pid, id) {
			st, ok := statOf(pid)
			return st.start, ok
		}
	}
	return 0, false
}

// runState also names the lxc-start of a stopping container.
func (h *Host) runState(id pve.VMID) (State, int, error) {
	if running, err := h.Running(id); err != nil || running {
		return Running, 0, err
	}
	pid, err := findStart(id)
	switch {
	case err != nil:
		return Stopped, 0, fmt.Errorf("whether CT %s is stopping cannot be told: %w", id, err)
	case pid == 0:
		return Stopped, 0, nil
	}
	return Stopping, pid, nil
}

// asProxmox reports whether a command line begins as the unit
// pve-container@.service has it, lxc-start -F -n <vmid>, and is of Proxmox's
// containers: another directory of them is named by -P.
func asProxmox(args []string, id pve.VMID) bool {
	elsewhere := func(a string) bool { return strings.HasPrefix(a, "-P") || strings.HasPrefix(a, "--lxcpath") }
	return len(args) >= 4 && path.Base(args[0]) == startCommand && args[1] == "-F" && args[2] == "-n" && args[3] == id.String() &&
		!slices.ContainsFunc(args[4:], elsewhere)
}

// inUnit reports whether a process is among the control groups of a container:
// those of its unit, or the one that LXC moves its monitor to
// (lxc.cgroup.dir.monitor in PVE::LXC, update_lxc_config). They are in
// /proc/<pid>/cgroup, one a line (cgroups(7)).
func inUnit(groups string, id pve.VMID) bool {
	n := id.String()
	for line := range strings.Lines(groups) {
		group := strings.TrimSpace(line) + "/"
		for _, own := range [...]string{"/pve-container@" + n + ".service/", "/pve-container-debug@" + n + ".service/", "/lxc.monitor/" + n + "/", "/lxc.monitor." + n + "/"} {
			if strings.Contains(group, own) {
				return true
			}
		}
	}
	return false
}

// isStart reports whether a command line is lxc-start for this container.
func isStart(args []string, id pve.VMID) bool {
	if len(args) == 0 || path.Base(args[0]) != startCommand {
		return false
	}
	want := id.String()
	n := slices.IndexFunc(args, func(a string) bool { return a == "-n" || a == "--name" })
	if n >= 0 {
		return n+1 < len(args) && args[n+1] == want
	}
	return slices.ContainsFunc(args[1:], func(a string) bool {
		name, ok := strings.CutPrefix(a, "--name=")
		return name == want && ok || a == "-n"+want
	})
}
