package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

func (a *app) listCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list [--output-format text|json]", Short: "Show every lease of the ledger", Args: takes()}
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runList(c.Context(), *f) }
	return cmd
}

func (a *app) runList(ctx context.Context, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	rows, err := leases(ctx, h, func(lease.Lease) bool { return true })
	if err != nil {
		return err
	}
	if f == "json" {
		return ui.JSON(a.out, rows)
	}
	return a.leaseTable(rows)
}

// row is a lease as the commands show it.
type row struct {
	Address  string     `json:"address"`
	Segment  string     `json:"segment"`
	Pool     string     `json:"pool,omitempty"`
	Owner    string     `json:"owner,omitempty"`
	VMID     pve.VMID   `json:"vmid,omitempty"`
	Name     string     `json:"name,omitempty"`
	State    string     `json:"state"`
	Origin   string     `json:"origin,omitempty"`
	Node     string     `json:"node,omitempty"`
	Since    time.Time  `json:"since"`
	Until    *time.Time `json:"until,omitempty"`
	MAC      string     `json:"mac,omitempty"`
	Unproven bool       `json:"unproven,omitempty"`
	// Contested and Vouched say whether the guest may start with the address where
	// nobody can be asked for it: somebody else had it, and nothing known on this node
	// has proved since that it is free; an administrator says that nobody else has it.
	Contested bool   `json:"contested,omitempty"`
	Vouched   bool   `json:"vouched,omitempty"`
	Remark    string `json:"remark,omitempty"`

	pool *lease.Pool // that the address belongs to; nil: it is in no pool's network
}

// leases reads the ledger and what the rows say beside it.
func leases(ctx context.Context, h *hook.Host, pick func(lease.Lease) bool) ([]row, error) {
	t, inv, err, unread := readBoth(ctx, h)
	if err != nil {
		return nil, err
	}
	if unread != nil {
		inv = lease.Inventory{}
	}
	return rowsOf(h, t, inv, pick), nil
}

func rowsOf(h *hook.Host, t *lease.Table, inv lease.Inventory, pick func(lease.Lease) bool) []row {
	rows := make([]row, 0, t.Len())
	for l := range t.All() {
		if pick(l) {
			rows = append(rows, newRow(h, inv, l))
		}
	}
	return rows
}

func newRow(h *hook.Host, inv lease.Inventory, l lease.Lease) row {
	r := row{
		Address: l.Addr.String(), Segment: l.Segment.String(), State: l.State.String(), Since: l.Since,
		Node: l.Claim.Node, Unproven: l.Unproven, pool: h.Pools.Pools.Of(l.Key),
	}
	if r.pool != nil {
		r.Pool = r.pool.Name
	}
	if !l.MAC.IsZero() {
		r.MAC = l.MAC.String()
	}
	if !l.Owner.IsZero() {
		r.Owner, r.VMID, r.Origin = l.Owner.String(), l.Owner.VMID, l.Origin.String()
		r.Name = report.Clean(inv.Guests[l.Owner.VMID].Name)
	}
	if l.State == lease.Offered {
		r.Until = &l.Until
	}
	r.Contested, r.Vouched = h.Contested(l), len(l.Vouched) > 0
	r.Remark = remark(inv, l, r)
	return r
}

// remark is what a reader should know beside the columns.
func remark(inv lease.Inventory, l lease.Lease, r row) string {
	var all []string
	switch {
	case l.State == lease.Offered:
		all = append(all, "until "+ui.Clock(l.Until))
	case l.State == lease.Conflicted: // has no owner
	case inv.Complete && inv.Guests[l.Owner.VMID].VMID == 0:
		all = append(all, "its guest is on no node")
	}
	if l.Origin != lease.FromPool {
		all = append(all, l.Origin.String())
	}
	if l.Unproven {
		all = append(all, "unproven")
	}
	if r.Contested {
		all = append(all, "contested")
	}
	if r.Vouched {
		all = append(all, "vouched")
	}
	if l.Freed {
		all = append(all, "free to reuse")
	}
	return strings.Join(all, ", ")
}

// leaseTable shows what fits beside one another on a terminal; the rest is in
// the JSON.
func (a *app) leaseTable(rows []row) error {
	cells := make([][]string, 0, len(rows))
	for _, r := range rows {
		owner := r.Owner
		if owner == "" {
			owner = r.MAC
		}
		cells = append(cells, []string{
			r.Address, ui.Dash(owner), ui.Dash(r.Name), r.State, ui.Dash(r.Pool), ui.Dash(r.Node), ui.Clock(r.Since), r.Remark,
		})
	}
	return ui.Table(a.out, "ADDRESS OWNER NAME STATE POOL NODE SINCE REMARK", cells)
}
