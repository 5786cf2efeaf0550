package cli

import (
	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

func (a *app) renumberCommand() *cobra.Command {
	var opt hook.Options
	cmd := &cobra.Command{
		Use: "renumber VMID [--nic netN] [-4 | -6] [--dry-run] [--explain]", Short: "Give a stopped container another address", Args: takes("the VMID"), DisableFlagsInUseLine: true,
		Long: `Give a stopped container the next free address of its pool, proved free on the
network, and write it into its config at once. Its other interfaces and the
other family keep theirs.`,
	}
	cmd.Flags().BoolVar(&opt.DryRun, "dry-run", false, "change nothing, but probe")
	cmd.Flags().BoolVar(&opt.Explain, "explain", false, "say why this address, and why not the others")
	nic, family := which(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if err := family.check(); err != nil {
			return err
		}
		opt.NIC, opt.Family = nic.index, family.family()
		id, err := pve.ParseVMID(args[0])
		if err != nil {
			return usageError{err}
		}
		h, err := hook.NewHost(a.place, report.New(a.out, a.err, ""))
		if err != nil {
			return err
		}
		ctx, cancel := deadline(c.Context(), h)
		defer cancel()
		if opt.DryRun {
			if err := h.Rehearse(ctx); err != nil {
				return err
			}
		}
		a.code = h.Renumber(ctx, id, opt)
		return nil
	}
	return cmd
}
