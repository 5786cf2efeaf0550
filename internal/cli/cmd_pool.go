package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

func (a *app) poolCommand() *cobra.Command {
	cmd := group("pool", "Show and change the pools")
	list := &cobra.Command{
		Use: "list [--output-format text|json]", Short: "Show every pool and how full it is", Args: takes(),
		Long: `Show every pool and how full it is. What is wrong with the pools file is told on
stderr; exit code 1 when a section of it is disabled for that.`,
	}
	f := formatFlag(list)
	list.RunE = func(c *cobra.Command, _ []string) error { return a.runPoolList(c.Context(), *f) }
	cmd.AddCommand(list, a.poolAddCommand(), a.poolSetCommand(), a.poolRemoveCommand())
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
	Size       uint64   `json:"size"` // addresses that may be leased
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
	a.tell(h.Problems)
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return err
	}
	rows := []poolRow{}
	for i := range h.Pools.Pools {
		rows = append(rows, newPoolRow(h.Pools.Pools, &h.Pools.Pools[i], t))
	}
	if f == "json" {
		return ui.JSON(a.out, rows)
	}
	return a.poolTable(rows)
}

func newPoolRow(pools lease.Pools, p *lease.Pool, t *lease.Table) poolRow {
	r := poolRow{
		Name: p.Name, Bridge: p.Bridge, VLAN: p.VLAN, Nodes: p.Nodes, Subnet: p.Subnet.String(),
		Size: p.Capacity(), Ranges: spans(p.Ranges), Excludes: spans(p.Excludes),
	}
	switch {
	case p.Gateway.None:
		r.Gateway = "none"
	case p.Gateway.Addr.IsValid():
		r.Gateway = p.Gateway.Addr.String()
	}
	count := map[lease.State]*int{lease.Bound: &r.Bound, lease.Released: &r.Released, lease.Offered: &r.Offered, lease.Conflicted: &r.Conflicted}
	for l := range leasesOf(pools, p, t) {
		*count[l.State]++
	}
	return r
}

// leasesOf yields the leases of what a pool leases, by address.
func leasesOf(pools lease.Pools, p *lease.Pool, t *lease.Table) iter.Seq[lease.Lease] {
	return func(yield func(lease.Lease) bool) {
		for l := range t.All() {
			if p.Contains(l.Addr) && pools.Of(l.Key) == p && !yield(l) {
				return
			}
		}
	}
}

func spans(rs []pve.Range) []string {
	var out []string
	for _, r := range rs {
		out = append(out, r.String())
	}
	return out
}

// tell reports everything that is wrong with the configuration at once.
func (a *app) tell(problems []config.Problem) {
	for _, p := range problems {
		if p.Warning {
			a.log().Warn(p.Error(), report.Fields{})
			continue
		}
		a.log().Error(p.Error(), report.Fields{})
		a.code = hook.Failed
	}
}

func (a *app) poolTable(rows []poolRow) error {
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{
			r.Name, pve.NewSegment(r.Bridge, r.VLAN, r.Nodes...).String(), r.Subnet, strings.Join(r.Ranges, ","),
			size(r.Size), ui.Dash(r.leases()),
		})
	}
	return ui.Table(a.out, "POOL NETWORK SUBNET RANGE SIZE LEASES", cells)
}

// leases reads 3 bound, 1 released.
func (r poolRow) leases() string {
	var all []string
	for _, n := range []struct {
		count int
		state lease.State
	}{{r.Bound, lease.Bound}, {r.Released, lease.Released}, {r.Offered, lease.Offered}, {r.Conflicted, lease.Conflicted}} {
		if n.count > 0 {
			all = append(all, fmt.Sprintf("%d %s", n.count, n.state))
		}
	}
	return strings.Join(all, ", ")
}
