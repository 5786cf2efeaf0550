// Package cli is the administrator's side of the program: the commands, one
// file each, with their flags, tables, JSON and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// app is what the commands share.
type app struct {
	place    hook.Place
	out, err io.Writer
	code     int               // the exit code when no error is returned
	begun    func(root string) // the command line was read
}

// collectAt makes the runtime begin to collect garbage at 16 MB instead of 4, in
// percent of what is in use: most commands are over by then, and would spend a
// fourth of their time on it.
const collectAt = 400

// Main runs the command that the arguments name and returns the exit code. It
// ends when it is told to, and when pmxcfs hangs, whatever it waits for.
func Main(ctx context.Context, args []string, version string, stdout, stderr io.Writer) int {
	debug.SetGCPercent(collectAt)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var where atomic.Pointer[string]
	a := &app{place: hook.Place{Version: version}, out: stdout, err: stderr}
	a.begun = func(root string) {
		where.Store(&root)
		go hook.Hangs(ctx, root, stop)
	}
	return hook.Bound(ctx, hook.CommandGrace, func() int { return a.run(ctx, args) }, func() int {
		root := where.Load()
		if root == nil {
			return hook.Failed
		}
		a.log().Error(hook.Overdue(ctx, *root).Error(), report.Fields{})
		return hook.Failed
	})
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		a.complete(root)
	}
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) { // whoever reads us has seen enough
		return a.code
	}
	a.log().Error(err.Error(), report.Fields{})
	var usage usageError
	if errors.As(err, &usage) {
		remind(cmd)
		return hook.Usage
	}
	a.advise(err)
	return hook.ExitCode(err)
}

// remind shows how the command is called after a call that made no sense: in
// short, unless it is a command to choose that is missing.
func remind(cmd *cobra.Command) {
	cmd.SetOut(cmd.ErrOrStderr())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(cmd.ErrOrStderr())
		_ = cmd.Usage()
		return
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "usage: %s\n", cmd.UseLine())
	fmt.Fprintf(cmd.ErrOrStderr(), "'%s --help' explains it\n", cmd.CommandPath())
}

// advise says where to look after an error that does not say it itself.
func (a *app) advise(err error) {
	var full *lease.ExhaustedError
	if errors.As(err, &full) {
		fmt.Fprintln(a.err, "pve-iplease: hint: 'pve-iplease list' shows who has which address, and since when")
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// host puts the pieces together for a command.
// host is this node's. A lease that a start could not bind is bound by the first
// command that comes when it can be.
func (a *app) host() (*hook.Host, error) {
	h, err := hook.NewHost(a.place, a.log())
	if err == nil {
		_ = h.Bind(context.Background())
	}
	return h, err
}

// log is where commands tell about their work: stderr, since stdout is for
// their result.
func (a *app) log() *report.Log { return report.New(a.err, a.err, "") }

// deadline bounds what a command may wait for, as node.cfg says.
func deadline(ctx context.Context, h *hook.Host) (context.Context, context.CancelFunc) {
	return hook.WithDeadline(ctx, h.Settings.Deadline)
}

// onGuest does a command's work on the guest that its argument names, within the
// deadline.
func (a *app) onGuest(ctx context.Context, arg string, work func(context.Context, *hook.Host, pve.VMID) error) error {
	id, err := pve.ParseVMID(arg)
	if err != nil {
		return usageError{err}
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	return work(ctx, h, id)
}
