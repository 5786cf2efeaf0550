package hook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// proofsKept is how many proofs lie there before those are looked for whose
// claim is no more.
const proofsKept = 32

// proofs are the ids of a guest's contested claims that this node has proved.
// Of most guests nothing is contested, and nothing is looked for.
func (h *Hook) proofs(t *lease.Table, kind pve.Kind, id pve.VMID) (ids []string) {
	for _, l := range t.Guest(kind, id) {
		if l.Contested && !h.Contested(l) {
			ids = append(ids, l.Claim.ID)
		}
	}
	return ids
}

// Contested reports whether somebody else had a lease's address, named it or was
// heard with it, and nothing that this node knows has proved since that it is
// free. A proof is known on the node that has it alone, until the owner's next
// write.
func (h *Hook) Contested(l lease.Lease) bool {
	_, unproved := h.Proved.Get(l.Claim.ID)
	return l.Contested && unproved != nil
}

// proved remembers what the wire has told about a claim. That it can't be
// remembered is no reason to keep a guest from starting: it is asked again.
func (r *run) proved(ctx context.Context, g lease.Grant) {
	_ = r.Heard.Put(voice(g.Lease.Owner, g.Lease.Addr), "")
	if !g.Lease.Contested {
		return
	}
	names := r.Proved.Names() // before the ledger is read: whose claim isn't there is over
	_ = r.Proved.Put(g.Lease.Claim.ID, fmt.Sprintf("%s %s %s\n", g.Lease.Owner, g.Lease.Addr, r.Env.Now().UTC().Format(time.RFC3339)))
	if len(names) < proofsKept {
		return
	}
	t, err := r.Ledger.View(ctx)
	if err != nil {
		return
	}
	claims := map[string]bool{}
	for l := range t.All() {
		claims[l.Claim.ID] = l.Contested
	}
	for _, name := range names {
		if !claims[name] {
			_ = r.Proved.Put(name, "")
		}
	}
}

// voice is the note's name of a guest's address that was heard.
func voice(o pve.Owner, a netip.Addr) string {
	return strings.ReplaceAll(o.String(), "/", "-") + "-" + a.String()
}

// remembersVoice remembers, here and in the ledger, that somebody speaks for an address
// with which the guest can't start therefore. The next proof may hear nothing
// because the wire can't tell.
func (r *run) remembersVoice(ctx context.Context, g lease.Grant, who string) {
	if !r.opt.DryRun {
		_ = r.Heard.Put(voice(g.Lease.Owner, g.Lease.Addr), who+"\n")
	}
	if g.Lease.Claim.ID != "" {
		_ = r.Ledger.Update(ctx, func(t *lease.Table) error { return t.Heard(g, r.NewID()) })
	}
}

// heardBefore is why a guest can't start unproven with an address for which
// this node's last proof heard a voice, or may have. Empty: it heard none.
func (r *run) heardBefore(o pve.Owner, a netip.Addr) string {
	who, err := r.Heard.Get(voice(o, a))
	switch who = strings.TrimSpace(who); {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		return fmt.Sprintf("may have been in use when it was last asked for, since what was noted then can't be read (%v)", err)
	case who == "":
		who = "somebody"
	}
	return "was in use by " + who + " when it was last asked for"
}
