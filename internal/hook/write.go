package hook

import (
	"bytes"
	"context"
	"fmt"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
)

// write confirms the claim one last time and edits the guest's config: ip=
// and gw= of the NIC, nothing else.
func (r *run) write(ctx context.Context, s subject, g lease.Grant, p proof) error {
	if err := r.confirm(ctx, g); err != nil {
		return err
	}
	next, err := s.conf.Set(s.owner.NIC, guest.Addr{Prefix: g.Address, Gateway: g.Gateway})
	if g.Keeps() {
		next, err = s.conf, nil
	}
	if err != nil {
		return err
	}
	if r.opt.DryRun {
		r.explain(g)
		r.info("dry run: CT %s net%d would get %s", r.id, s.owner.NIC, r.describe(g, p))
		return nil
	}
	if err := r.markUnproven(ctx, g, p); err != nil {
		return err
	}
	if err := r.store(ctx, s, g, next); err != nil {
		return err
	}
	r.explain(g)
	r.leased(g, p)
	r.remember(g.Lease, g.How.String(), g.Why+"; "+p.String())
	return nil
}

// store writes the config that the grant makes of the subject's. One that
// stays as it is must still be what was decided upon: an editor may have put
// another address into it during the proof.
func (r *run) store(ctx context.Context, s subject, g lease.Grant, next guest.Config) error {
	if g.Keeps() {
		return r.unchanged(s)
	}
	if stop := r.stopped(ctx); stop != nil {
		return stop
	}
	return r.Guests.Replace(ctx, s.owner.Kind, r.id, s.raw, next.Bytes())
}

// unchanged reports by its error whether the guest's config is what was read.
func (r *run) unchanged(s subject) error {
	now, err := r.Guests.ReadGuest(s.owner.Kind, r.id)
	if err == nil && !bytes.Equal(now, s.raw) {
		err = fmt.Errorf("CT %s: %w", r.id, node.ErrChanged)
	}
	return err
}

// confirm is invariant 3: the ledger still holds the claim and no config that
// changed meanwhile names the address.
func (r *run) confirm(ctx context.Context, g lease.Grant) error {
	inv, err := r.Inventory(ctx)
	if err != nil {
		return err
	}
	t, err := r.Ledger.View(ctx)
	if err != nil {
		return err
	}
	return t.Confirm(r.world(inv), []lease.Grant{g})
}

// markUnproven records in the ledger that the wire could not tell.
func (r *run) markUnproven(ctx context.Context, g lease.Grant, p proof) error {
	if p.doubt == "" {
		return nil
	}
	r.warn(g, "%s starts unproven: %s; 'pve-iplease audit' tells later whether somebody else has it", g.Lease.Addr, p.doubt)
	err := r.Ledger.Update(ctx, func(t *lease.Table) error { return t.Unproved(g) })
	if unusable(err) {
		r.warn(g, "the ledger doesn't say so, though: %v", err)
		return nil
	}
	return err
}
