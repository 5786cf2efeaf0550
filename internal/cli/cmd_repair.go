package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) repairCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "repair [--dry-run]", Short: "Rebuild a damaged ledger from the guests' configs", Args: takes(), DisableFlagsInUseLine: true,
		Long: `Rebuild a damaged ledger, or one that belongs to another cluster, from the
guests' configs. What was there is kept beside it. A start does this by itself
when the ledger is damaged; this command says what is wrong, and also takes over
the ledger of a cluster that this node has left.`,
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say whether the ledger is in order, and change nothing")
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runRepair(c.Context(), dry) }
	return cmd
}

func (a *app) runRepair(ctx context.Context, dry bool) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	if _, err := h.Ledger.View(ctx); err == nil {
		fmt.Fprintln(a.out, "the ledger is in order: nothing to repair")
		return nil
	} else if dry {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	return h.Repair(ctx)
}
