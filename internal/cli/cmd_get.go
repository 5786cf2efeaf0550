package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/ui"
)

// pick is what of a guest's leases is to be shown.
type pick struct {
	ip, cidr bool
	nic      *nicFlag
	family   *familyFlags
}

func (a *app) getCommand() *cobra.Command {
	var p pick
	cmd := &cobra.Command{
		Use: "get VMID [--ip | --cidr] [--nic netN] [-4 | -6] [--output-format text|json]", Short: "Show the leases of one guest", Args: takes("the VMID"),
		Long: `Show the leases of one guest; with --ip or --cidr print the address alone, for
scripts: IPv4 unless -6 is given, or there is no other, one line an interface.
Exit code 1 when the guest has no lease.`,
	}
	cmd.Flags().BoolVar(&p.ip, "ip", false, "print the address alone")
	cmd.Flags().BoolVar(&p.cidr, "cidr", false, "print the address with its prefix length alone")
	p.nic, p.family = which(cmd)
	cmd.Flags().Lookup("nic").Usage, cmd.Flags().Lookup("nic").DefValue = "of this interface alone", ""
	cmd.Flags().Lookup("ipv4").Usage = "the IPv4 address, which is the default of --ip and --cidr"
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if p.ip && p.cidr || (p.ip || p.cidr) && *f == "json" {
			return usagef("--ip, --cidr and JSON exclude each other")
		}
		if err := p.family.check(); err != nil {
			return err
		}
		return a.runGet(c.Context(), args[0], p, *f)
	}
	return cmd
}

func (a *app) runGet(ctx context.Context, arg string, p pick, f format) error {
	id, err := pve.ParseVMID(arg)
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
	var all []lease.Lease
	rows := rowsOf(h, t, glance(h, id), func(l lease.Lease) bool {
		if l.Owner.VMID != id || p.nic.given && l.Owner.NIC != p.nic.index {
			return false
		}
		all = append(all, l)
		return true
	})
	rows = p.families(rows, all)
	switch {
	case len(rows) == 0:
		return fmt.Errorf("guest %s has no %slease; 'pve-iplease list' shows who has", id, p.what())
	case f == "json":
		return ui.JSON(a.out, rows)
	case p.ip || p.cidr:
		return a.addresses(rows, p.cidr)
	}
	return a.leaseTable(rows)
}

// families leaves the rows of the family that was asked for; for a script that
// asked for none, those of IPv4 if there are any. They come by interface.
func (p pick) families(rows []row, leases []lease.Lease) (kept []row) {
	four := p.family.four
	if (p.ip || p.cidr) && !p.family.six && slices.ContainsFunc(leases, func(l lease.Lease) bool { return l.Addr.Is4() }) {
		four = true
	}
	nic := map[string]int{}
	for i, l := range leases {
		nic[l.Addr.String()] = l.Owner.NIC
		if (!four || l.Addr.Is4()) && (!p.family.six || l.Addr.Is6()) {
			kept = append(kept, rows[i])
		}
	}
	slices.SortStableFunc(kept, func(a, b row) int { return cmp.Compare(nic[a.Address], nic[b.Address]) })
	return kept
}

// what names the kind of lease that was looked for.
func (p pick) what() string {
	var s string
	if p.nic.given {
		s = p.nic.String() + " "
	}
	switch {
	case p.family.four:
		s += "IPv4 "
	case p.family.six:
		s += "IPv6 "
	}
	return s
}

// addresses prints one address a line.
func (a *app) addresses(rows []row, cidr bool) error {
	for _, r := range rows {
		line := r.Address
		if cidr {
			if r.pool == nil {
				return fmt.Errorf("%s is in no pool's subnet, so its prefix length is not known; use --ip", r.Address)
			}
			line = fmt.Sprintf("%s/%d", r.Address, r.pool.Subnet.Bits())
		}
		fmt.Fprintln(a.out, line)
	}
	return nil
}
