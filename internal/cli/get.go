package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
)

func (a *app) getCommand() *cobra.Command {
	var ip, cidr bool
	cmd := &cobra.Command{
		Use: "get VMID [--ip | --cidr | --output-format text|json]", Short: "Show the leases of one guest", Args: takes("the VMID"),
		Long: "Show the leases of one guest; with --ip or --cidr print the address alone, for\nscripts. Exit code 1 when the guest has no lease.",
	}
	cmd.Flags().BoolVar(&ip, "ip", false, "print the address alone")
	cmd.Flags().BoolVar(&cidr, "cidr", false, "print the address with its prefix length alone")
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if ip && cidr || (ip || cidr) && *f == "json" {
			return usagef("--ip, --cidr and JSON exclude each other")
		}
		return a.runGet(c.Context(), args[0], ip, cidr, *f)
	}
	return cmd
}

func (a *app) runGet(ctx context.Context, arg string, ip, cidr bool, f format) error {
	id, err := lease.ParseVMID(arg)
	if err != nil {
		return usageError{err}
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return err
	}
	rows := rowsOf(h, t, glance(h, id), func(l lease.Lease) bool { return l.Owner.VMID == id })
	switch {
	case len(rows) == 0:
		return fmt.Errorf("guest %s has no lease; 'pve-iplease list' shows who has", id)
	case f == "json":
		return a.printJSON(rows)
	case ip || cidr:
		return a.addresses(h, rows, cidr)
	}
	return a.leaseTable(rows)
}

// addresses prints one address a line.
func (a *app) addresses(h *hook.Host, rows []row, cidr bool) error {
	for _, r := range rows {
		line := r.Address
		if cidr {
			bits, ok := prefixLength(h, r.Pool)
			if !ok {
				return fmt.Errorf("%s is in no pool's subnet, so its prefix length is not known; use --ip", r.Address)
			}
			line = fmt.Sprintf("%s/%d", r.Address, bits)
		}
		fmt.Fprintln(a.out, line)
	}
	return nil
}

func prefixLength(h *hook.Host, pool string) (int, bool) {
	for _, p := range h.Pools.Pools {
		if p.Name == pool {
			return p.Subnet.Bits(), true
		}
	}
	return 0, false
}
