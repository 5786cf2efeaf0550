package hook

import (
	"maps"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// warnOfTwins says of each NIC that another guest which runs has its MAC
// address too, as copies made by hand have: what is sent to one of the two
// reaches the other, whatever addresses they have.
func (r *run) warnOfTwins(w lease.World, assignments []*assignment) {
	for i, t := range assignments {
		if i > 0 && assignments[i-1].nic.Index == t.nic.Index || t.nic.MAC.IsZero() {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(w.Inventory.Guests)) {
			g := w.Inventory.Guests[id]
			if id != r.id && !g.Template && slices.Contains(g.MACs, t.nic.MAC) && r.runs(g) {
				r.warn(t.g, "one MAC twice: net%d has %s, and so has %s, which runs: what is sent to one of them reaches the other; delete the MAC address in one of the configs, and Proxmox makes a new one",
					t.nic.Index, t.nic.MAC, guestName(g))
			}
		}
	}
}

// runs reports whether another guest runs: on this node by its run state, on
// others by the ledger.
func (r *run) runs(g lease.Guest) bool {
	if g.Node != r.Env.Name {
		return r.claimed != nil && slices.ContainsFunc(r.claimed.Guest(g.Kind, g.VMID), func(l lease.Lease) bool { return l.State == lease.Bound })
	}
	if g.Kind == pve.VM {
		state, err := r.VMs.RunState(g.VMID)
		return err == nil && state == node.Running
	}
	running, err := r.Runs.Running(g.VMID)
	return err == nil && running
}
