package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

func (a *app) confirmCommand() *cobra.Command {
	return &cobra.Command{
		Use: "confirm VMID", Short: "Say that nobody else has the addresses of a stopped guest", Args: takes("the VMID"), DisableFlagsInUseLine: true,
		Long: `Say that nobody else has the addresses of a stopped guest of this node, which
then starts although the network can't tell: another config names one of them, or
another guest had it before. Look first: 'pve-iplease whohas' names everybody who
could have it. Whoever answers is still believed, and your word ends with the
first one who does, or when yet another config names the address.`,
		RunE: func(c *cobra.Command, args []string) error { return a.onGuest(c.Context(), args[0], a.runConfirm) },
	}
}

func (a *app) runConfirm(ctx context.Context, h *hook.Host, id pve.VMID) error {
	vouched, err := h.Vouch(ctx, id)
	if err != nil {
		return err
	}
	if len(vouched) == 0 {
		return fmt.Errorf("no pool serves guest %s: there is nothing to confirm", id)
	}
	for _, l := range vouched {
		fmt.Fprintf(a.out, "%s is confirmed: %s may start with it unproven\n", l.Addr, l.Owner.Guest())
	}
	return nil
}
