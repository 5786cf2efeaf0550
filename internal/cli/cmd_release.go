package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

func (a *app) releaseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "release VMID", Short: "Free the addresses of a stopped guest at once", Args: takes("the VMID"), DisableFlagsInUseLine: true,
		Long: `Free the addresses of a stopped guest: the pool may give them away at once
instead of keeping them for the guest. Its config stays as it is; at its next
start the guest gets the address back if nobody has it, or another one.`,
		RunE: func(c *cobra.Command, args []string) error { return a.onGuest(c.Context(), args[0], a.runRelease) },
	}
}

func (a *app) runRelease(ctx context.Context, h *hook.Host, id pve.VMID) error {
	freed, err := h.Release(ctx, id)
	if err != nil {
		return err
	}
	if len(freed) == 0 {
		return fmt.Errorf("guest %s has no lease; 'pve-iplease list' shows who has", id)
	}
	for _, l := range freed {
		fmt.Fprintf(a.out, "%s is no longer kept for %s\n", l.Addr, l.Owner)
	}
	return nil
}
