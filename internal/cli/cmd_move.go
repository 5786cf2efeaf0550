package cli

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

func (a *app) moveCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "move IP --to VMID", Short: "Give an address to another container", Args: takes("the IP address"), DisableFlagsInUseLine: true,
		Long: "Give an address to another container of this node, which gets it at its next start.\nBoth guests must be stopped; the one that had it gets another at its own next start.",
	}
	cmd.Flags().StringVar(&to, "to", "", "the container `VMID` that gets the address")
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runMove(c.Context(), args[0], to) }
	return cmd
}

func (a *app) runMove(ctx context.Context, ip, to string) error {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return usagef("%q is no IP address", report.Clean(ip))
	}
	id, err := pve.ParseVMID(to)
	if err != nil {
		return usagef("--to: %w", err)
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	if err := h.Move(ctx, addr, id); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s is CT %s's from its next start on\n", addr, id)
	return nil
}
