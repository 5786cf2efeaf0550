package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/ui"
)

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status [--output-format text|json]", Short: "Show how full the pools are", Args: takes(),
		Long: `Show how full the pools are. In the bar # is leased, - kept for a guest that is
stopped or promised to one to come, ! used by strangers, and . free.`,
	}
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runStatus(c.Context(), *f) }
	return cmd
}

// poolStatus is a pool at a glance.
type poolStatus struct {
	Pool      string `json:"pool"`
	Size      uint64 `json:"size"` // addresses that may be leased
	Bound     int    `json:"bound"`
	Released  int    `json:"released"`
	Offered   int    `json:"offered"`
	Static    int    `json:"static"` // in the subnet, outside of the range
	Conflicts int    `json:"conflicts"`
	Next      string `json:"next,omitempty"` // that a new container would get, before the network is asked
	Remark    string `json:"remark,omitempty"`
}

func (a *app) runStatus(ctx context.Context, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	a.tell(h.Problems)
	t, inv, err, unread := readBoth(ctx, h)
	if err := cmp.Or(err, unread); err != nil {
		return err
	}
	w := lease.World{Now: h.Env.Now(), Pools: h.Pools.Pools, Reservations: h.Pools.Reservations, Named: h.Pools.Named, Inventory: inv}
	rows := []poolStatus{}
	for i := range h.Pools.Pools {
		rows = append(rows, newStatus(h.Pools.Pools, &h.Pools.Pools[i], t))
	}
	// Last, since finding the next address changes the table in memory.
	for i, p := range h.Pools.Pools {
		rows[i].next(h, t, w, p, nobody-pve.VMID(i))
	}
	if f == "json" {
		return ui.JSON(a.out, rows)
	}
	return a.statusTable(rows)
}

func newStatus(pools lease.Pools, p *lease.Pool, t *lease.Table) poolStatus {
	s := poolStatus{Pool: p.Name, Size: p.Capacity()}
	for l := range t.All() {
		if pools.Of(l.Key) == p && l.Origin == lease.Static && !p.Contains(l.Addr) {
			s.Static++
		}
	}
	count := map[lease.State]*int{lease.Bound: &s.Bound, lease.Released: &s.Released, lease.Offered: &s.Offered, lease.Conflicted: &s.Conflicts}
	for l := range leasesOf(pools, p, t) {
		*count[l.State]++
	}
	return s
}

// nobody is a container that doesn't exist, the one below another one.
const nobody = pve.VMID(999999999)

// next finds what a container would get that does not exist yet.
func (s *poolStatus) next(h *hook.Host, t *lease.Table, w lease.World, p lease.Pool, id pve.VMID) {
	w.Pools, w.Node = []lease.Pool{p}, h.Env.Name
	if len(p.Nodes) > 0 && !slices.Contains(p.Nodes, w.Node) {
		w.Node = p.Nodes[0]
	}
	want := lease.Want{Owner: pve.Owner{VMID: id}, Family: p.Family(), Bridge: p.Bridge, Tag: p.VLAN, Until: w.Now.Add(time.Hour)}
	g, err := t.Acquire(w, lease.Claim{At: w.Now}, []lease.Want{want})
	if err != nil {
		s.Remark = "full"
		return
	}
	s.Next = g[0].Lease.Addr.String()
	if owner := g[0].PreviousOwner; !owner.IsZero() {
		s.Remark = "from " + owner.Guest() + ", which is stopped"
	}
}

func (a *app) statusTable(rows []poolStatus) error {
	var cells [][]string
	for _, s := range rows {
		cells = append(cells, []string{
			s.Pool, s.bar(), size(s.Size), strconv.Itoa(s.Bound), strconv.Itoa(s.Released + s.Offered),
			strconv.Itoa(s.Static), strconv.Itoa(s.Conflicts), ui.Dash(s.Next), s.Remark,
		})
	}
	return ui.Table(a.out, "POOL USED SIZE BOUND KEPT STATIC CONFLICTS NEXT REMARK", cells)
}

// size shows a number of addresses, of an IPv6 pool in short.
func size(n uint64) string {
	if n < 1e9 {
		return strconv.FormatUint(n, 10)
	}
	return strings.Replace(fmt.Sprintf("%.1e", float64(n)), "e+", "e", 1)
}

// cells is the length of a bar.
const cells = 20

// bar draws a pool. What there is shows in at least one cell, also what is free.
func (s poolStatus) bar() string {
	var b strings.Builder
	for _, part := range []struct {
		count int
		mark  string
	}{{s.Bound, "#"}, {s.Released + s.Offered, "-"}, {s.Conflicts, "!"}} {
		if part.count > 0 {
			n := int(float64(part.count)/float64(max(s.Size, 1))*cells + 0.5)
			b.WriteString(strings.Repeat(part.mark, max(n, 1)))
		}
	}
	bar := b.String()
	room := cells
	if uint64(s.Bound+s.Released+s.Offered+s.Conflicts) < s.Size {
		room--
	}
	bar = bar[:min(len(bar), room)]
	return fmt.Sprintf("[%s%s]", bar, strings.Repeat(".", cells-len(bar)))
}
