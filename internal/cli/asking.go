package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
)

// asking says how a command that compares everything asks the network.
type asking struct {
	passive bool
	rate    int // packets in a second; 0: the usual ones
	usual   int
}

// gentleRate is how many packets in a second a command sends that monitoring
// calls, which can wait.
const gentleRate = 200

func askFlags(cmd *cobra.Command, usual int) *asking {
	q := asking{usual: usual}
	cmd.Flags().BoolVar(&q.passive, "passive", false, "put nothing on the network")
	rateFlag(cmd, &q.rate, usual)
	return &q
}

// pace is that of a sweep over so many addresses.
func (q asking) pace(addresses int) probe.SweepPace {
	p := probe.SweepPreset(addresses, false)
	p.Rate = cmp.Or(q.rate, q.usual)
	return p
}

// askNamed asks this node's networks for every address that anything names.
func (l *look) askNamed(ctx context.Context, q asking) ([]evidence.ProbeResult, error) {
	switch {
	case q.passive && q.rate != 0:
		return nil, usagef("--passive and --rate exclude each other")
	case q.passive:
		return nil, nil
	}
	return l.ear(lease.Key{}).SweepAll(ctx, l.Inquiries(l.Mentioned()), q.pace)
}
