package lease

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// Run is a guest's run that has come to its end.
type Run struct {
	Kind    pve.Kind
	VMID    pve.VMID
	Node    string
	Boot    string
	Started time.Duration // since the node's boot, when the guest's supervisor began
	Now     time.Time
	Proved  []string // the ids of contested claims that the node has proved
	Claims  []string // the claims that may end; nil: all
	Sure    bool     // the guest is stopped and can't have been started again: whatever it holds ends
}

// Kept is a lease that stays as it is although its guest stopped.
type Kept struct {
	Lease Lease
	Why   string
}

// Stopped releases what a finished run held: only leases claimed on the same
// boot of the same node before the run began. A claim that is younger belongs
// to the next run, whose pre-start overtook this post-stop.
func (t *Table) Stopped(r Run) (released []Lease, kept []Kept) {
	for _, l := range t.guest(r.Kind, r.VMID) {
		if l.State != Bound || r.Claims != nil && !slices.Contains(r.Claims, l.Claim.ID) {
			continue
		}
		why := ""
		switch {
		case r.Sure:
		case l.Claim.Node != r.Node:
			why = fmt.Sprintf("it was claimed by node %s", l.Claim.Node)
		case l.Claim.Boot != r.Boot:
			why = "it was claimed before this node's last boot"
		case l.Claim.Up > r.Started:
			why = "it was claimed for a later start of the guest"
		}
		if why != "" {
			kept = append(kept, Kept{*l, why})
			continue
		}
		l.State, l.Since, l.Gen, l.Was = Released, r.Now, t.Generation+1, netip.Addr{}
		l.Contested = l.Contested && !slices.Contains(r.Proved, l.Claim.ID)
		t.changed = true
		released = append(released, *l)
	}
	return released, kept
}

// Free ends a guest's hold on its addresses at an administrator's word. A
// static address stays guarded by the config that names it; an offer ends.
func (t *Table) Free(kind pve.Kind, id pve.VMID, now time.Time) []Lease {
	var freed []Lease
	for _, l := range t.guest(kind, id) {
		if l.State == Offered || l.Origin == Static {
			t.drop(l.Key)
		} else {
			l.State, l.Freed, l.Since, l.Gen = Released, true, now, t.Generation+1
			t.changed = true
		}
		freed = append(freed, *l)
	}
	return freed
}

// Guest lists the leases of all of a guest's interfaces.
func (t *Table) Guest(kind pve.Kind, id pve.VMID) []Lease {
	var found []Lease
	for _, l := range t.guest(kind, id) {
		found = append(found, *l)
	}
	return found
}

// guest lists the records of all of a guest's interfaces.
func (t *Table) guest(kind pve.Kind, id pve.VMID) []*Lease {
	var found []*Lease
	for n := range pve.MaxNICs {
		found = append(found, t.byOwner[pve.Owner{Kind: kind, VMID: id, NIC: n}]...)
	}
	return found
}
