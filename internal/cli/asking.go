package cli

import (
	"context"
	"net/netip"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/probe"
)

// asking says how a command that compares everything asks the network.
type asking struct {
	passive bool
	rate    int // packets in a second; 0: as a sweep does
}

func askFlags(cmd *cobra.Command) *asking {
	var q asking
	cmd.Flags().BoolVar(&q.passive, "passive", false, "put nothing on the network")
	rateFlag(cmd, &q.rate)
	return &q
}

// askNamed asks this node's networks for every address that anything names.
func (l *look) askNamed(ctx context.Context, q asking) ([]evidence.Hearing, error) {
	switch {
	case q.passive && q.rate != 0:
		return nil, usagef("--passive and --rate exclude each other")
	case q.passive:
		return nil, nil
	}
	return l.ear(netip.Addr{}).SweepAll(ctx, l.Inquiries(l.Mentioned()), func(addresses int) probe.SweepPace {
		pace := probe.SweepPreset(addresses, false)
		if q.rate != 0 {
			pace.Rate = q.rate
		}
		return pace
	})
}
