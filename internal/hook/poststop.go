package hook

import (
	"context"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
)

// While a post-stop runs Proxmox blocks everything else on this guest, so it
// is bounded: the question whether there is quorum, and the whole. Of the
// whole the ledger leaves 15 s untouched, since a write on pmxcfs can block
// for that long when the quorum is lost at that moment.
const (
	quorumLimit   = 2 * time.Second
	postStopLimit = 20 * time.Second
)

// postStop releases what the run that ends here held. When in doubt the lease
// stays bound, which is harmless. The guest's config is never touched: Proxmox
// may be rewriting it at this moment.
func (r *run) postStop(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, postStopLimit)
	defer cancel()
	if err := r.quorate(ctx); err != nil {
		r.warn(lease.Grant{}, "the lease of CT %s stays bound: %v", r.id, err)
		return exitCode(err)
	}
	if t, err := r.Ledger.View(ctx); err == nil && len(t.Guest(lease.Container, r.id)) == 0 {
		r.info("CT %s has no bound lease: nothing to do", r.id)
		return OK
	}
	started, ok := r.Here.Under(r.id)
	if !ok {
		var free func()
		if free, ok = r.stoppedByHand(ctx); !ok {
			return OK
		}
		defer free()
		started = r.Here.Uptime()
	}
	var released []lease.Lease
	var kept []lease.Kept
	err := r.Ledger.Update(ctx, func(t *lease.Table) error {
		released, kept = t.Stopped(lease.Run{
			Kind: lease.Container, VMID: r.id, Node: r.Here.Name, Boot: r.Here.Boot, Started: started, Now: r.Here.Now().Truncate(time.Second),
		})
		return nil
	})
	if err != nil {
		r.warn(lease.Grant{}, "the lease of CT %s stays bound: %v", r.id, err)
		return exitCode(err)
	}
	for _, l := range released {
		r.released(l)
		r.remember(l, "released", "its guest stopped")
	}
	for _, k := range kept {
		r.info("CT %s keeps %s bound: %s", r.id, k.Lease.Addr, k.Why)
	}
	if len(released)+len(kept) == 0 {
		r.info("CT %s has no bound lease: nothing to do", r.id)
	}
	return OK
}

func (r *run) quorate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quorumLimit)
	defer cancel()
	return r.Quorate(ctx)
}

// stoppedByHand judges a post-stop that no ending run called: a person did, or
// its supervisor was killed. The guest must be stopped, and nobody may be
// starting it.
func (r *run) stoppedByHand(ctx context.Context) (free func(), ok bool) {
	state, err := r.Runs.RunState(r.id)
	if err != nil || state != node.Stopped {
		r.info("CT %s is not stopped: its lease stays bound", r.id)
		return nil, false
	}
	unlock, err := r.Guests.LockGuest(ctx, r.id, 0)
	if err != nil {
		r.info("CT %s is being worked on: its lease stays bound (%v)", r.id, err)
		return nil, false
	}
	return unlock, true
}
