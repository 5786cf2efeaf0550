package hook

import (
	"time"

	"pve-iplease/internal/history"
	"pve-iplease/internal/lease"
)

// remember adds what happened to a lease to this node's history. A dry run
// leaves no trace.
func (r *run) remember(l lease.Lease, what, why string) {
	if r.opt.DryRun {
		return
	}
	e := history.Event{
		Time: r.Env.Now().Truncate(time.Second), Node: r.Env.Name, Addr: l.Addr.String(), What: what, Why: why,
	}
	if !l.Owner.IsZero() {
		e.Owner, e.VMID = l.Owner.String(), l.Owner.VMID
	}
	if !l.MAC.IsZero() {
		e.MAC = l.MAC.String()
	}
	r.Remember(e)
}
