// Package cli is the administrator's side of the program: the commands, one
// file each, with their flags, tables, JSON and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/report"
)

// app is what the commands share.
type app struct {
	place    hook.Place
	out, err io.Writer
	code     int // the exit code when no error is returned
}

// Main runs the command that the arguments name and returns the exit code.
func Main(ctx context.Context, args []string, version string, stdout, stderr io.Writer) int {
	a := &app{place: hook.Place{Version: version}, out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "pve-iplease: error: %v\n\n%s", err, cmd.UsageString())
		return hook.Usage
	case err != nil:
		fmt.Fprintf(stderr, "pve-iplease: error: %v\n", report.Clean(err.Error()))
		return hook.ExitCode(err)
	}
	return a.code
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

const about = `pve-iplease leases IP addresses to Proxmox VE containers: as their hookscript it
claims a free address from a pool before a container starts, proves by ARP that
nobody on the network uses it, and writes it into the container's net0.

Exit codes: 0 done, 1 error, 2 usage, 3 address conflict, 4 pool exhausted,
5 lock or quorum.`

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "pve-iplease",
		Short:         "Lease proven-free IP addresses to Proxmox VE containers",
		Long:          about + "\n\nAs Proxmox calls it, and by hand for debugging:\n  " + hook.Synopsis,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", report.Clean(args[0]))
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return usagef("a command is missing") },
	}
	cmd.PersistentFlags().StringVar(&a.place.Root, "root", "", "put `DIR` in front of every path of the host")
	cmd.PersistentFlags().StringVar(&a.place.Config, "config", "", "read the pools from `FILE`")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.CompletionOptions.HiddenDefaultCmd = true
	for _, sub := range []*cobra.Command{
		a.listCommand(), a.getCommand(), a.acquireCommand(), a.releaseCommand(), a.renumberCommand(), a.poolCommand(), a.versionCommand(),
	} {
		if sub.Args == nil {
			sub.Args = cobra.NoArgs
		}
		cmd.AddCommand(strict(sub))
	}
	return cmd
}

// strict makes wrong arguments a usage error, for a command and those below.
func strict(cmd *cobra.Command) *cobra.Command {
	check := cmd.Args
	if check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%s: %s", c.Name(), strings.TrimSpace(err.Error()))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
	return cmd
}

// host puts the pieces together for a command.
func (a *app) host() (*hook.Host, error) {
	h, err := hook.NewHost(a.place, a.log())
	if err != nil {
		return nil, err
	}
	return h, nil
}

// log is where commands tell about their work: stderr, since stdout is for
// their result.
func (a *app) log() *report.Log { return report.New(a.err, a.err, "") }

// deadline bounds what a command may wait for, as node.cfg says.
func deadline(ctx context.Context, h *hook.Host) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, h.Settings.Deadline)
}
