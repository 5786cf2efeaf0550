package hook

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"pve-iplease/internal/firewall"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Filter is Proxmox's own address filter, which pins guests to the addresses
// that their configs name.
type Filter interface {
	State(pve.VMID) (firewall.State, error)
	Update(context.Context) error
}

// filterPatience is how long a start waits until the filter knows the guest's
// new address; an update takes 0.6 s, and pve-firewall itself looks every 10 s.
const filterPatience = 5 * time.Second

// letThrough has the filter know the addresses that were just written into a
// container's config, before the guest needs them. It returns those that the
// filter may drop for some seconds yet. It never fails a start.
func (r *run) letThrough(ctx context.Context, assignments []*assignment) (dropped []netip.Addr) {
	var changed []*assignment
	for _, t := range assignments {
		if t.nic.Firewall && !t.g.Present() {
			changed = append(changed, t)
		}
	}
	if len(changed) == 0 || r.Filter == nil {
		return nil
	}
	state, err := r.Filter.State(r.id)
	if err != nil {
		r.warn(lease.Grant{}, "%v: if its address filter is in force, CT %s is cut off until that is made anew", err, r.id)
		return nil
	}
	var names []string
	for _, t := range changed {
		if firewall.Pins(state.Cluster, state.Own, t.nic) {
			dropped = append(dropped, t.g.Lease.Addr)
			names = append(names, t.g.Lease.Addr.String())
			r.warnOfSet(state, t)
		}
	}
	if len(dropped) == 0 {
		return nil
	}
	why := r.updateFilter(ctx, state)
	if why == "" {
		return nil
	}
	r.warn(lease.Grant{}, "Proxmox's address filter may not know yet that CT %s has %s, and drop what it sends from there for some seconds: %s", r.id, strings.Join(names, " and "), why)
	return dropped
}

// updateFilter returns why the filter may not be up to date.
func (r *run) updateFilter(ctx context.Context, state firewall.State) string {
	switch {
	case state.NFTables:
		return "proxmox-firewall looks every few seconds"
	case !state.Runs:
		return "pve-firewall, which would tell it, doesn't run"
	}
	r.rest()
	wait, cancel := withReserve(ctx)
	defer cancel()
	wait, end := context.WithTimeout(wait, filterPatience)
	defer end()
	if err := r.Filter.Update(wait); err != nil {
		return fmt.Sprintf("pve-firewall looks every 10 s (%s)", report.Clean(err.Error()))
	}
	return ""
}

// warnOfSet tells of a set of the guest's own that no update helps.
func (r *run) warnOfSet(state firewall.State, t *assignment) {
	if state.Own.Lacks(t.nic.Index, t.g.Lease.Addr) {
		r.warn(t.g, "Proxmox's address filter drops what CT %s sends from %s: its set ipfilter-net%d lacks it; 'pve-iplease doctor' says what to do", r.id, t.g.Lease.Addr, t.nic.Index)
	}
}
