package cli

import (
	"context"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/report"
)

func (a *app) applyCommand() *cobra.Command {
	var opt hook.Options
	cmd := &cobra.Command{
		Use: "apply VMID [--dry-run] [--explain]", Short: "Lease addresses for a stopped virtual machine", Args: takes("the VMID"), DisableFlagsInUseLine: true,
		Long: `Lease addresses for a stopped virtual machine of this node, proved free on the
network, and set its ipconfigN through Proxmox's API. Proxmox makes the
cloud-init image before it calls a hookscript, so a VM's addresses must be there
before it starts; with the hookscript attached each start proves them, and fails
where they are no longer the VM's.`,
	}
	cmd.Flags().BoolVar(&opt.DryRun, "dry-run", false, "change nothing, but probe")
	cmd.Flags().BoolVar(&opt.Explain, "explain", false, "say why this address, and why not the others")
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runApply(c.Context(), args[0], opt) }
	return cmd
}

func (a *app) runApply(ctx context.Context, arg string, opt hook.Options) error {
	id, err := pve.ParseVMID(arg)
	if err != nil {
		return usageError{err}
	}
	h, err := hook.NewHost(a.place, report.New(a.out, a.err, ""))
	if err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	if opt.DryRun {
		if err := h.Rehearse(ctx); err != nil {
			return err
		}
	}
	api := a.api(h)
	a.code = h.Apply(ctx, id, opt, func(ctx context.Context, values map[string]string, raw []byte) error {
		p, err := api()
		if err != nil {
			return err
		}
		return p.SetConfig(ctx, h.Env.Name, pve.VM, id, values, pveapi.Digest(raw))
	})
	return nil
}
