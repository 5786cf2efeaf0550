package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

func (a *app) reserveCommand() *cobra.Command {
	var guest, comment string
	cmd := &cobra.Command{
		Use: "reserve IP [--guest VMID] [--comment TEXT]", Short: "Keep an address for one guest, or from everybody",
		Args: takes("the IP address"), DisableFlagsInUseLine: true,
		Long: `Keep an address for one guest, which gets it at its next start, or without
--guest from everybody. It is written into the pools file as a reservation.`,
	}
	cmd.Flags().StringVar(&guest, "guest", "", "keep it for this guest: `VMID`, or ct/101/net0")
	cmd.Flags().StringVar(&comment, "comment", "", "any `TEXT`")
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runReserve(c.Context(), args[0], guest, comment) }
	return cmd
}

func (a *app) runReserve(ctx context.Context, ip, guest, comment string) error {
	addr, err := parseIP(ip)
	if err != nil {
		return err
	}
	r := lease.Reservation{Addr: addr, Comment: comment}
	if guest != "" {
		if r.Owner, err = config.ParseGuest(guest); err != nil {
			return usagef("--guest: %w", err)
		}
	}
	props := slices.Concat(optional("guest", guest), optional("comment", comment))
	var had []lease.Lease
	err = a.change(ctx, nothing, func(e edit) ([]config.Change, error) {
		if old := e.reservation(addr); old != nil {
			return nil, fmt.Errorf("%s is reserved already%s; 'pve-iplease unreserve %s' ends that", addr, forWhom(*old), addr)
		}
		had = e.leases.Everywhere(addr)
		return []config.Change{config.Add("reservation", addr.String(), props...)}, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s is reserved%s\n", addr, forWhom(r))
	for _, l := range had {
		if l.Living() && !r.Pins(l.Owner) {
			a.log().Warn(fmt.Sprintf("%s is leased to %s, which keeps it until its next start and then gets another", addr, l.Owner.Guest()), report.Fields{})
		}
	}
	return nil
}

func (a *app) unreserveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unreserve IP", Short: "End the reservation of an address", Args: takes("the IP address"), DisableFlagsInUseLine: true,
		Long: `Take the reservation of an address out of the pools file. A guest that has the
address keeps it.`,
		RunE: func(c *cobra.Command, args []string) error { return a.runUnreserve(c.Context(), args[0]) },
	}
}

func (a *app) runUnreserve(ctx context.Context, ip string) error {
	addr, err := parseIP(ip)
	if err != nil {
		return err
	}
	err = a.change(ctx, warnings, func(e edit) ([]config.Change, error) {
		if e.reservation(addr) == nil {
			return nil, fmt.Errorf("%s is not reserved in the pools file", addr)
		}
		return []config.Change{config.Remove("reservation", addr.String())}, nil
	})
	if err == nil {
		fmt.Fprintf(a.out, "%s is no longer reserved\n", addr)
	}
	return err
}

// reservation finds the one of an address.
func (e edit) reservation(addr netip.Addr) *lease.Reservation {
	for _, r := range e.pools.Reservations {
		if r.Addr == addr {
			return &r
		}
	}
	return nil
}

func forWhom(r lease.Reservation) string {
	if r.Owner.IsZero() {
		return ""
	}
	return " for " + r.Owner.String()
}

// optional is a property that is there when it has a value.
func optional(key, value string) []config.Prop {
	if value == "" {
		return nil
	}
	return []config.Prop{{Key: key, Values: []string{value}}}
}

func parseIP(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return addr, usagef("%q is no IP address", report.Clean(s))
	}
	return addr, nil
}
