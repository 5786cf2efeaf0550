package hook

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// unreleased is the note of a post-stop that could not write to the ledger: the
// run that ended, and the claims that it held by then. One that is applied late
// can't end a later claim.
type unreleased struct {
	Kind    pve.Kind      `json:"kind"`
	VMID    pve.VMID      `json:"vmid"`
	Boot    string        `json:"boot"`
	Started time.Duration `json:"started"` // in ns since the boot
	At      time.Time     `json:"at"`
	Sure    bool          `json:"sure,omitempty"`
	Claims  []string      `json:"claims"`
}

// noteName is under which a guest's note lies: one a guest.
func noteName(kind pve.Kind, id pve.VMID) string { return kind.String() + "-" + id.String() }

// leaveUnreleased leaves word of a run that ended, for whoever writes to the
// ledger next on this node.
func (r *run) leaveUnreleased(ctx context.Context, end lease.Run) {
	t, err := r.Ledger.View(ctx)
	if err != nil {
		return
	}
	note := unreleased{Kind: end.Kind, VMID: end.VMID, Boot: end.Boot, Started: end.Started, At: end.Now, Sure: end.Sure}
	for _, l := range t.Guest(end.Kind, end.VMID) {
		if l.State == lease.Bound {
			note.Claims = append(note.Claims, l.Claim.ID)
		}
	}
	if text, err := json.Marshal(note); err == nil && len(note.Claims) > 0 {
		_ = r.Unreleased.Put(noteName(end.Kind, end.VMID), string(text)) // without it the lease stays bound, which is harmless
	}
}

// keepBound takes the guest's note away: it starts again with what it held.
func (r *run) keepBound(kind pve.Kind) {
	if !r.opt.DryRun {
		_ = r.Unreleased.Put(noteName(kind, r.id), "")
	}
}

// stopNoted is that a claim is about to be released by the note of the guest's last
// stop, whose end the start has overtaken: under the lock the note is applied, and
// the lease taken anew.
func (r *run) stopNoted(assignments []*assignment) error {
	for _, t := range assignments {
		g := t.g.Lease
		text, _ := r.Unreleased.Get(noteName(g.Owner.Kind, g.Owner.VMID))
		n, ok := r.unreleased(text)
		if ok && slices.Contains(n.Claims, g.Claim.ID) && !r.opt.DryRun {
			return &lease.LostError{Addr: g.Addr, Reason: "was held by a run of " + g.Owner.Guest() + " that has just ended"}
		}
	}
	return nil
}

// unreleased reads a note of this boot.
func (h *Hook) unreleased(text string) (n unreleased, ok bool) {
	return n, json.Unmarshal([]byte(text), &n) == nil && n.Boot == h.Env.Boot
}

// release releases in a table what a note names, as the post-stop would have.
func (h *Hook) release(t *lease.Table, text string) (done bool) {
	n, ok := h.unreleased(text)
	if !ok {
		return true
	}
	here, known := h.resides(n.Kind, n.VMID)
	if here {
		t.Stopped(lease.Run{
			Kind: n.Kind, VMID: n.VMID, Node: h.Env.Name, Boot: n.Boot, Started: n.Started, Now: n.At, Sure: n.Sure, Claims: n.Claims,
		})
	}
	return known
}
