package hook

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"pve-iplease/internal/pve"
)

// Call is the hook's command line.
type Call struct {
	Root    string
	Config  string
	VMID    pve.VMID
	Phase   Phase
	Options Options
}

// Synopsis is how the hook is called by hand.
const Synopsis = "pve-iplease [--root DIR] [--config FILE] VMID PHASE [--dry-run] [--explain]"

// ParseCall reads a command line whose first plain word is a number; ok is
// false when it is none, and so a call of a command.
func ParseCall(args []string) (c Call, ok bool, err error) {
	var words []string
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		switch {
		case name == "--root" || name == "--config":
			if !inline {
				if i++; i == len(args) {
					return c, false, nil
				}
				value = args[i]
			}
			*map[string]*string{"--root": &c.Root, "--config": &c.Config}[name] = value
		case args[i] == "--dry-run":
			c.Options.DryRun = true
		case args[i] == "--explain":
			c.Options.Explain = true
		case strings.HasPrefix(args[i], "-") && len(words) == 0:
			return c, false, nil
		default:
			words = append(words, args[i])
		}
	}
	if len(words) == 0 || strings.Trim(words[0], "0123456789") != "" {
		return c, false, nil
	}
	if len(words) != 2 || strings.HasPrefix(words[1], "-") {
		return c, true, fmt.Errorf("a hook call is a VMID and a phase (pre-start, post-start, pre-stop, post-stop)")
	}
	c.Phase = Phase(words[1])
	c.VMID, err = pve.ParseVMID(words[0])
	return c, true, err
}

// Signals returns a context that ends when the task is stopped. A closed
// stdout or stderr must not end us half way: SIGPIPE is ignored.
func Signals(parent context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(parent)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		select {
		case s := <-c:
			cancel(fmt.Errorf("%s", signalName(s)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(c); cancel(context.Canceled) }
}

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "Ctrl-C"
	}
	return "SIGHUP"
}

// journal is systemd's socket for structured records (systemd-journald(8)).
func journal(root string) string { return below(root, "/run/systemd/journal/socket") }

// below puts the root that a call names, if it does, in front of a path.
func below(root, path string) string {
	if root == "" {
		return path
	}
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	return filepath.Join(root, path)
}
