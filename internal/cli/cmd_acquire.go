package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/ui"
)

func (a *app) acquireCommand() *cobra.Command {
	var o hook.Offer
	var mac string
	cmd := &cobra.Command{
		Use: "acquire VMID [--pool NAME] [--nic netN] [-4 | -6] [--mac M] [--for TIME] [--output-format text|json]", Args: takes("the VMID"),
		Short: "Lease an address for a container that does not exist yet",
		Long: `Lease an address for a container that does not exist yet, proved free on the
network, to be passed to 'pct create'. It is printed with its prefix length and
kept for the container until its first start or until the offer ends. Asked
again, the same address is printed.`,
	}
	cmd.Flags().StringVar(&o.Pool, "pool", "", "take the address from pool `NAME`")
	cmd.Flags().StringVar(&mac, "mac", "", "the container will have the MAC address `M`")
	cmd.Flags().DurationVar(&o.For, "for", time.Hour, "keep the address for this `TIME`, like 90m")
	cmd.Flags().Lookup("for").DefValue = "1h"
	nic, family := which(cmd)
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if err := family.check(); err != nil {
			return err
		}
		o.Owner.NIC, o.Family = nic.index, family.family()
		return a.runAcquire(c.Context(), args[0], mac, o, *f)
	}
	return cmd
}

func (a *app) runAcquire(ctx context.Context, arg, mac string, o hook.Offer, f format) (err error) {
	if o.Owner.VMID, err = pve.ParseVMID(arg); err != nil {
		return usageError{err}
	}
	if mac != "" {
		if o.MAC, err = pve.ParseMAC(mac); err != nil {
			return usageError{err}
		}
	}
	if o.For <= 0 {
		return usagef("--for %s: the time must be longer than nothing", o.For)
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	l, g, err := h.Acquire(ctx, o)
	if err != nil {
		return err
	}
	if f == "json" {
		return ui.JSON(a.out, offer{
			Address: l.Addr.String(), CIDR: g.Address.String(), Gateway: gateway(g), Pool: g.PoolName(),
			Bridge: g.Want.Bridge, State: l.State.String(), Until: l.Until, Reason: g.Why,
		})
	}
	fmt.Fprintln(a.out, g.Address)
	return nil
}

// offer is what an orchestrator passes to pct create.
type offer struct {
	Address string    `json:"address"`
	CIDR    string    `json:"cidr"`
	Gateway string    `json:"gateway,omitempty"`
	Pool    string    `json:"pool"`
	Bridge  string    `json:"bridge"`
	State   string    `json:"state"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason"`
}

func gateway(g lease.Grant) string {
	if g.Gateway.IsValid() {
		return g.Gateway.String()
	}
	return ""
}
