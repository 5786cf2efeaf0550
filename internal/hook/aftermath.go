package hook

import (
	"context"
	"errors"
	"fmt"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// aftermath says, after a start that failed, what it has changed nevertheless: a
// claim that was made stays its guest's, and may be another than net0 names.
func (r *run) aftermath() {
	if r.opt.DryRun {
		return
	}
	for _, t := range r.made {
		if g := t.g; g.Lease.Addr.IsValid() && g.Lease.Addr != t.current().Addr() && g.How != lease.Guarded {
			says := "names none"
			if t.current().IsValid() {
				says = "says " + t.current().String()
			}
			r.info("the lease of %s net%d is %s by now, which its next start takes; its config %s",
				pve.Owner{Kind: r.kind(), VMID: r.id}.Guest(), t.nic.Index, g.Lease.Addr, says)
		}
	}
}

// stopped says why nothing further may be written: the task was stopped, its
// worker is gone (Proxmox's config lock is then free for others), or the
// deadline is over.
func (r *run) stopped(ctx context.Context) error {
	config := "net0 is unchanged"
	switch {
	case r.overwritten:
		config = "net0 was written, and the config then changed by somebody else"
	case r.set != nil:
		config = "ipconfig0 is unchanged"
	}
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return fmt.Errorf("gave up at the deadline: %s; see what delays it, or raise 'deadline' in node.cfg", config)
	case ctx.Err() != nil:
		return fmt.Errorf("stopped by %w: %s", context.Cause(ctx), config)
	case r.Env.Orphaned():
		return fmt.Errorf("the task that called us is gone: %s", config)
	}
	return nil
}

// bound is how a lease stands after the ledger failed to release it.
func bound(err error) string {
	if errors.Is(err, ledger.ErrUnknown) {
		return "may stay bound"
	}
	return "stays bound"
}
