package hook

import (
	"context"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// While a post-stop runs Proxmox blocks everything else on this guest, so it
// is bounded: the question whether there is quorum, and the whole, which is what
// it waits for the lock, and 15 s for which a write on pmxcfs can block when the
// quorum is lost at that moment.
const (
	quorumLimit   = 2 * time.Second
	postStopLimit = 22 * time.Second
)

// postStop releases what the run that ends here held. When in doubt the lease
// stays bound, which is harmless. The guest's config is never touched: Proxmox
// may be rewriting it at this moment.
func (r *run) postStop(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, postStopLimit)
	defer cancel()
	kind := r.kind()
	guest := pve.Owner{Kind: kind, VMID: r.id}.Guest()
	if err := r.quorate(ctx); err != nil {
		if end, free, ok := r.ended(ctx, kind); ok {
			r.leaveUnreleased(ctx, end)
			free()
		}
		r.warn(lease.Grant{}, "the lease of %s stays bound: %v", guest, err)
		return exitCode(err)
	}
	if t, err := r.Ledger.View(ctx); err == nil && len(t.Guest(kind, r.id)) == 0 {
		r.info("%s has no bound lease: nothing to do", guest)
		return OK
	}
	end, free, ok := r.ended(ctx, kind)
	if !ok {
		return OK
	}
	defer free()
	var released []lease.Lease
	var kept []lease.Kept
	err := r.Ledger.Update(briefly(ctx, stopWait), func(t *lease.Table) error {
		end.Proved = r.proofs(t, kind, r.id)
		released, kept = t.Stopped(end)
		return nil
	})
	if err != nil {
		r.leaveUnreleased(ctx, end)
		r.warn(lease.Grant{}, "the lease of %s %s: %v", guest, bound(err), err)
		return exitCode(err)
	}
	how := "stopped"
	if r.stays {
		how = "does not start"
	}
	for _, l := range released {
		r.released(l, how)
		r.remember(l, "released", "its guest "+how)
	}
	for _, k := range kept {
		r.info("%s keeps %s bound: %s", guest, k.Lease.Addr, k.Why)
	}
	if len(released)+len(kept) == 0 {
		r.info("%s has no bound lease: nothing to do", guest)
	}
	return OK
}

// ended is the run that came to its end; ok is false if that can't be told.
// Until free is called nobody starts the guest.
func (r *run) ended(ctx context.Context, kind pve.Kind) (end lease.Run, free func(), ok bool) {
	end = lease.Run{
		Kind: kind, VMID: r.id, Node: r.Env.Name, Boot: r.Env.Boot, Started: r.Env.Uptime(), Now: r.Env.Now().Truncate(time.Second),
	}
	if kind == pve.VM {
		// Wherever it was claimed: a VM may have come here while it ran, and
		// only the node that has its config can start it.
		end.Sure = true
		free, ok = r.stoppedVM(ctx)
		return end, free, ok
	}
	if started, ok := r.Env.Under(r.id); ok {
		end.Started = started
		return end, func() {}, true
	}
	free, ok = r.stoppedByHand(ctx)
	end.Started = r.Env.Uptime()
	return end, free, ok
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

// stoppedVM makes sure that a VM is stopped and, until free is called, that
// nobody starts it. Proxmox calls its post-stop with the config's lock held.
func (r *run) stoppedVM(ctx context.Context) (free func(), ok bool) {
	unlock, err := r.VMs.Lock(ctx, r.id)
	if err != nil {
		r.info("VM %s is being worked on: its lease stays bound (%v)", r.id, err)
		return nil, false
	}
	if state, err := r.VMs.RunState(r.id); err != nil || state != node.Stopped {
		unlock()
		r.info("VM %s is not stopped: its lease stays bound", r.id)
		return nil, false
	}
	return unlock, true
}
