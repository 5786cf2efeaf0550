package hook_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/pmxcfs"
)

// A pmxcfs that hangs keeps nobody for longer than the deadline, and who is told
// to stop does: the thread that waits for it hears neither.
func TestPmxcfsThatHangs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		phase, call string // from its first such call on it hangs
		term        bool
		says        string
	}{
		"at once":                  {"pre-start", "lookup", false, "gave up at the deadline: pmxcfs does not answer on /etc/pve"},
		"at once, post-stop":       {"post-stop", "lookup", false, "gave up at the deadline: pmxcfs does not answer on /etc/pve"},
		"at once, told to stop":    {"pre-start", "lookup", true, "gave up when stopped by SIGTERM: pmxcfs does not answer on /etc/pve"},
		"at the lock":              {"pre-start", "mkdir", true, "gave up when stopped by SIGTERM"},
		"at the ledger":            {"pre-start", "write", true, "gave up when stopped by SIGTERM"},
		"when the lock is removed": {"pre-start", "rmdir", true, "gave up when stopped by SIGTERM"},
		"at the config":            {"pre-start", "rename", true, "gave up when stopped by SIGTERM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFederation(t, lan, 1)
			h := c.hosts[0]
			h.settings("deadline 5s\n")
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.phase(102, "pre-start").exits(hook.OK)
			var met atomic.Bool
			stuck := make(chan struct{})
			c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
				if o.Call == tt.call || met.Load() {
					met.Store(true)
					return pmxcfs.Fault{Hang: stuck}
				}
				return pmxcfs.Fault{}
			})
			r := h.launch(h.command(program, h.call(101, tt.phase)...))
			h.await("a call that hangs", met.Load)
			if tt.term {
				h.Must(r.cmd.Process.Signal(syscall.SIGTERM))
			}
			r.wait().exits(hook.Failed).says("error: " + tt.says)
			c.Intercept(nil)
			close(stuck)
			// Whatever was left behind, the next start comes by its address.
			h.phase(101, "pre-start").exits(hook.OK).says("CT 101 net0 has 10.0.0.201/24")
		})
	}
}

// Nor does it keep an administrator's command.
func TestCommandWhilePmxcfsHangs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		term bool
		says string
	}{
		"list":               {[]string{"list"}, false, "gave up at the deadline: pmxcfs does not answer on /etc/pve"},
		"list, told to stop": {[]string{"list"}, true, "gave up when stopped by SIGTERM: pmxcfs does not answer on /etc/pve"},
		"release":            {[]string{"release", "101"}, false, "gave up at the deadline: pmxcfs does not answer on /etc/pve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFederation(t, lan, 1)
			h := c.hosts[0]
			h.settings("deadline 5s\n")
			var met atomic.Bool
			stuck := make(chan struct{})
			c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
				met.Store(true)
				return pmxcfs.Fault{Hang: stuck}
			})
			r := h.launch(h.command(commands, append([]string{"--root", h.root}, tt.args...)...))
			h.await("a call that hangs", met.Load)
			if tt.term {
				h.Must(r.cmd.Process.Signal(syscall.SIGTERM))
			}
			r.wait().exits(hook.Failed).says("error: " + tt.says)
			close(stuck)
		})
	}
}

// Programs in hooks.d that hang are ended with all that they started, and the
// deadline is for all of them together.
func TestManyHooksThatHang(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		last string
		code int
		says string
	}{
		"optional ones": {"z", hook.OK, "warning: the deadline is over: hooks.d/b and those after it were not called"},
		"one must run":  {"z.must", hook.Failed, "error: the deadline is over: hooks.d/z.must was not called: CT 101 must not start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.settings("deadline 5s\n")
			h.put(ct{id: 101, ip: "manual"})
			for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", tt.last} {
				path := "/etc/pve-iplease/hooks.d/" + name
				h.write(path, fmt.Sprintf("#!/bin/sh\nsleep 1000 & echo $! $$ >>%s\nsleep 1000\n", h.path("/pids")))
				h.Must(os.Chmod(h.path(path), 0o755))
			}
			h.phase(101, "pre-start").exits(tt.code).says(tt.says)
			for _, pid := range strings.Fields(h.read("/pids")) {
				h.await("the end of process "+pid, func() bool {
					_, err := os.Stat("/proc/" + pid)
					return os.IsNotExist(err)
				})
			}
		})
	}
}
