package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pve-iplease/internal/ui"
)

func (a *app) reclaimCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "reclaim [--dry-run] [--output-format text|json]", Short: "Free the addresses of guests that no longer exist", Args: takes(),
		Long: `Free the addresses of guests that are on no node. A guest must have been missing
for 24 hours and nobody may answer for its address; guests that are missing for
the first time are only noted. Where a stranger was seen more than an hour ago,
that is forgotten, which makes a full ledger smaller.`,
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and change nothing")
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runReclaim(c.Context(), dry, *f) }
	return cmd
}

// reclaimRow is the verdict on one lease.
type reclaimRow struct {
	Address string `json:"address"`
	Owner   string `json:"owner"` // empty: a stranger had it
	Freed   bool   `json:"freed"`
	Reason  string `json:"reason"`
}

func (a *app) runReclaim(ctx context.Context, dry bool, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	verdicts, err := h.Reclaim(ctx, dry)
	if err != nil {
		return err
	}
	rows := []reclaimRow{}
	for _, v := range verdicts {
		row := reclaimRow{Address: v.Lease.Addr.String(), Freed: v.Freed, Reason: v.Why}
		if !v.Lease.Owner.IsZero() {
			row.Owner = v.Lease.Owner.String()
		}
		rows = append(rows, row)
	}
	if f == "json" {
		return ui.JSON(a.out, rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.out, "every lease has its guest: nothing to reclaim")
		return nil
	}
	done := map[bool]string{true: "freed", false: "kept"}
	if dry {
		done[true] = "would be freed"
	}
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{r.Address, cmp.Or(r.Owner, "-"), done[r.Freed], r.Reason})
	}
	return ui.Table(a.out, "ADDRESS OWNER DONE REASON", cells)
}
