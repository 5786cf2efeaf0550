package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/lease"
)

func (a *app) poolCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pool", Short: "Show the pools",
		RunE: func(*cobra.Command, []string) error { return usagef("a subcommand of pool is missing") },
	}
	list := &cobra.Command{Use: "list", Short: "Show every pool and how full it is", Args: cobra.NoArgs}
	f := formatFlag(list)
	list.RunE = func(c *cobra.Command, _ []string) error { return a.runPoolList(c.Context(), *f) }
	cmd.AddCommand(list)
	return cmd
}

// poolRow is a pool as the commands show it.
type poolRow struct {
	Name       string   `json:"name"`
	Bridge     string   `json:"bridge"`
	VLAN       uint16   `json:"vlan,omitempty"`
	Nodes      []string `json:"nodes,omitempty"`
	Subnet     string   `json:"subnet"`
	Gateway    string   `json:"gateway,omitempty"`
	Ranges     []string `json:"ranges"`
	Excludes   []string `json:"excludes,omitempty"`
	Size       uint64   `json:"size"`
	Bound      int      `json:"bound"`
	Released   int      `json:"released"`
	Offered    int      `json:"offered"`
	Conflicted int      `json:"conflicted"`
}

func (a *app) runPoolList(ctx context.Context, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	for _, p := range h.Problems {
		fmt.Fprintf(a.err, "pve-iplease: %s: %v\n", map[bool]string{true: "warning", false: "error"}[p.Warning], p)
		if !p.Warning {
			a.code = 1
		}
	}
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return err
	}
	rows := []poolRow{}
	for _, p := range h.Pools.Pools {
		rows = append(rows, newPoolRow(&p, t))
	}
	if f == "json" {
		return a.printJSON(rows)
	}
	return a.poolTable(rows)
}

func newPoolRow(p *lease.Pool, t *lease.Table) poolRow {
	r := poolRow{
		Name: p.Name, Bridge: p.Bridge, VLAN: p.VLAN, Nodes: p.Nodes, Subnet: p.Subnet.String(),
		Size: p.Size(), Ranges: spans(p.Ranges), Excludes: spans(p.Excludes),
	}
	switch {
	case p.Gateway.None:
		r.Gateway = "none"
	case p.Gateway.Addr.IsValid():
		r.Gateway = p.Gateway.Addr.String()
	}
	count := map[lease.State]*int{lease.Bound: &r.Bound, lease.Released: &r.Released, lease.Offered: &r.Offered, lease.Conflicted: &r.Conflicted}
	for l := range t.All() {
		if p.Segment().Overlaps(l.Segment) && p.Contains(l.Addr) {
			*count[l.State]++
		}
	}
	return r
}

func spans(rs []lease.Range) []string {
	var out []string
	for _, r := range rs {
		out = append(out, r.String())
	}
	return out
}

func (a *app) poolTable(rows []poolRow) error {
	var cells [][]string
	for _, r := range rows {
		network := r.Bridge
		if r.VLAN != 0 {
			network += "." + strconv.Itoa(int(r.VLAN))
		}
		cells = append(cells, []string{
			r.Name, network, dash(strings.Join(r.Nodes, ",")), r.Subnet, dash(r.Gateway), strings.Join(r.Ranges, ","),
			strconv.FormatUint(r.Size, 10), strconv.Itoa(r.Bound), strconv.Itoa(r.Released), strconv.Itoa(r.Offered), strconv.Itoa(r.Conflicted),
		})
	}
	return a.table("POOL NETWORK NODES SUBNET GATEWAY RANGE SIZE BOUND RELEASED OFFERED CONFLICTED", cells)
}
