package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/filelock"
)

// updateTurn is a lock, and holds when the last update that succeeded began:
// nanoseconds since boot.
const updateTurn = "/run/pve-iplease/firewall"

// Update has the rules of pve-firewall made anew from what the configs say now,
// as its daemon does every 10 s, in its own program and under its own lock. Only
// one update of ours runs at a time, for each takes the processor for half a
// second; who finds that another one has begun since is served by that. Never
// is the daemon told to do it: two signals in short order kill it.
func (f Firewall) Update(ctx context.Context) error {
	asked := sinceBoot()
	path := f.h.Path(updateTurn)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	turn, err := filelock.Take(ctx, path)
	if err != nil {
		return fmt.Errorf("others wait for it too: %w", err)
	}
	defer func() { _ = turn.Close() }()
	if lastUpdate(path) > asked {
		return nil
	}
	began := sinceBoot()
	if err := f.run(ctx); err != nil {
		return err
	}
	return os.WriteFile(path, strconv.AppendInt(nil, began.Nanoseconds(), 10), 0o600)
}

func lastUpdate(path string) time.Duration {
	text, _ := os.ReadFile(path)
	ns, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return time.Duration(ns)
}

// sinceBoot is the time since boot, suspended time included.
func sinceBoot() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}

// updateGrace is how long the program may take to end when it is told to.
const updateGrace = 300 * time.Millisecond

// run calls Proxmox's own function.
func (f Firewall) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, f.h.Path("/usr/bin/perl"), "-MPVE::Firewall", "-e", "PVE::Firewall::update()")
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C"}
	cmd.Dir = "/"
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	cmd.WaitDelay = updateGrace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("its update takes too long: %w", context.Cause(ctx))
	case errors.As(err, &exit):
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("its update failed: %w %s", err, first)
	}
	return err
}
