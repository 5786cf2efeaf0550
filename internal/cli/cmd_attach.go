package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/ui"
)

// ourScript is the hookscript as Proxmox names it.
const ourScript = "local:snippets/pve-iplease"

// attachOptions are those of attach and detach.
type attachOptions struct {
	all, yes, force bool
	detach          bool
}

func (a *app) attachCommand() *cobra.Command {
	cmd, o := a.hookscriptCommand("attach", "Give containers their addresses from the pools", `Give containers the hookscript that leases their address. Each container's line
says what its next start would do: its address now and then, and why. The
network is asked at the start itself, so an address that somebody uses is
replaced then.

Containers of all nodes can be named, or all that a pool serves with --all.
Nothing is changed without --yes. It needs root on a node, since Proxmox lets
only root@pam itself set a hookscript.`)
	cmd.Flags().BoolVar(&o.force, "force", false, "also replace another hookscript, attach templates, and trust that\nthe nodes have the file")
	return cmd
}

func (a *app) detachCommand() *cobra.Command {
	cmd, o := a.hookscriptCommand("detach", "Take containers out of the care of this program", `Take the hookscript away from containers, of whatever node. Each keeps the
address that it has, which stays its own as long as its config names it.

Nothing is changed without --yes. It needs root on a node, since Proxmox lets
only root@pam itself change a hookscript.`)
	o.detach = true
	return cmd
}

func (a *app) hookscriptCommand(name, short, long string) (*cobra.Command, *attachOptions) {
	var o attachOptions
	cmd := &cobra.Command{
		Use: name + " VMID...|--all [--yes] [--output-format text|json]", Short: short, Long: long,
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "every container of the cluster that it concerns")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do it")
	f := formatFlag(cmd)
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case o.all && len(args) > 0:
			return usagef("name containers or give --all, not both")
		case !o.all && len(args) == 0:
			return usagef("the VMIDs are missing; --all means every container")
		}
		return nil
	}
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runAttach(c.Context(), args, o, *f) }
	return cmd, &o
}

func (a *app) runAttach(ctx context.Context, args []string, o attachOptions, f format) error {
	var ids []pve.VMID
	for _, arg := range args {
		id, err := pve.ParseVMID(arg)
		if err != nil {
			return usageError{err}
		}
		ids = append(ids, id)
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	p, err := newAttachment(ctx, h, o, a.api(h))
	if err != nil {
		return err
	}
	if err := p.plan(ctx, ids); err != nil {
		return err
	}
	if o.yes {
		p.carryOut(ctx)
	}
	if p.failed() {
		a.code = hook.Failed
	}
	if f == "json" {
		return ui.JSON(a.out, p)
	}
	return a.attachScreen(p)
}

// errNobody means that --all found no container.
var errNobody = errors.New("there is no container that this concerns")
