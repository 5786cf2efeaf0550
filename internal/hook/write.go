package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// draft has the config that the claims make of the guest's written beside it
// while the wire is asked: to sync it takes milliseconds, and on pmxcfs it goes
// through the whole cluster. A draft that fails is no error yet: what hinders
// it is said when the config is due, if it still does.
func (r *run) draft(ctx context.Context, s subject, assignments []*assignment) *draft {
	d := &draft{wait: func() {}}
	if r.Draft == nil || r.opt.DryRun || s.kind != pve.Container {
		return d
	}
	conf, err := r.edited(s, assignments)
	if err != nil || bytes.Equal(conf.Bytes(), s.raw) {
		return d
	}
	d.wait = r.Background(func() {
		if r.stopped(ctx) != nil {
			return
		}
		if f, err := r.Draft(s.kind, r.id, conf.Bytes()); err == nil {
			d.file, d.content = f, conf.Bytes()
		}
	})
	return d
}

// draft is what was written ahead, which takes until wait returns.
type draft struct {
	wait    func()
	file    Draft // nil: nothing was
	content []byte
}

func (d *draft) discard() {
	if d.wait(); d.file != nil {
		d.file.Discard()
	}
}

// write confirms the claims one last time and edits the guest's config: ip=
// and gw= of the NICs, nothing else, in one go.
func (r *run) write(ctx context.Context, s subject, assignments []*assignment, ahead *draft) error {
	r.work(ctx)
	if err := r.confirm(ctx, assignments); err != nil {
		return err
	}
	next, err := r.edited(s, assignments)
	if err != nil {
		return err
	}
	if r.opt.DryRun {
		for _, t := range assignments {
			r.explain(t.g)
			r.info("dry run: %s net%d would get %s", s.guest(r.id), t.nic.Index, r.describe(t.g, t.p))
		}
		return nil
	}
	for _, t := range assignments {
		if t.p.doubt == "" {
			r.proved(ctx, t.g)
			continue
		}
		if err := r.markUnproven(ctx, t.g, t.p); err != nil {
			return err
		}
	}
	if err := r.store(ctx, s, next, assignments, ahead); err != nil {
		return err
	}
	if r.phase == PreStart && s.kind == pve.Container {
		dropped := r.letThrough(ctx, assignments)
		// That the neighbours aren't told is no reason to keep a guest from starting.
		_ = r.LeaveAnnouncement(r.id, []byte(r.pendingAnnouncement(assignments, dropped)))
	}
	for _, t := range assignments {
		r.explain(t.g)
		r.leased(s, t)
		r.remember(t.g.Lease, t.g.How.String(), t.g.Why+"; "+t.p.String())
	}
	r.outreach(s, assignments)
	return nil
}

// edited is the config with what was granted; the one that was read when that
// says so already, and for a VM, whose image is made.
func (r *run) edited(s subject, assignments []*assignment) (conf guest.Config, err error) {
	conf = s.conf
	for _, t := range assignments {
		switch {
		case t.g.Keeps():
			continue
		case s.kind == pve.VM && r.set != nil:
			continue
		case s.kind == pve.VM:
			r.warn(t.g, "ipconfig%d of VM %s is not what its pool says, %s; 'pve-iplease apply %s' brings it up to date", t.nic.Index, r.id, lines(t.g), r.id)
			continue
		}
		if conf, err = conf.Set(t.nic.Index, guest.Addr{Prefix: t.g.Address, Gateway: t.g.Gateway}); err != nil {
			return conf, err
		}
	}
	return conf, nil
}

// store writes the config that the grants make of the subject's, and what
// Proxmox has made of it for LXC, all or nothing.
func (r *run) store(ctx context.Context, s subject, next guest.Config, assignments []*assignment, ahead *draft) error {
	if stop := r.stopped(ctx); stop != nil && !bytes.Equal(next.Bytes(), s.raw) {
		return stop
	}
	if r.set != nil {
		return r.apply(ctx, s, assignments)
	}
	undo, err := r.syncLXCConfig(assignments)
	if err == nil {
		err = r.replace(ctx, s, next, ahead)
	}
	if err != nil {
		return errors.Join(err, undo())
	}
	return nil
}

// replace writes the guest's config. One that stays as it is must still be
// what was decided upon: an editor may have put another address into it during
// the proof.
func (r *run) replace(ctx context.Context, s subject, next guest.Config, ahead *draft) error {
	if bytes.Equal(next.Bytes(), s.raw) {
		return r.unchanged(s)
	}
	var err error
	if ahead.wait(); ahead.file != nil && bytes.Equal(ahead.content, next.Bytes()) {
		err = ahead.file.Put(ctx, s.raw)
	} else {
		err = r.Guests.Replace(ctx, s.kind, r.id, s.raw, next.Bytes())
	}
	r.overwritten = r.overwritten || errors.Is(err, node.ErrOverwritten)
	return err
}

// unchanged reports by its error whether the guest's config is what was read.
func (r *run) unchanged(s subject) error {
	now, err := r.Guests.ReadGuest(s.kind, r.id)
	if err == nil && !bytes.Equal(now, s.raw) {
		err = fmt.Errorf("%s: %w", s.guest(r.id), node.ErrChanged)
	}
	return err
}

// confirm is invariant 3: the ledger still holds the claims and no config that
// changed meanwhile names an address.
func (r *run) confirm(ctx context.Context, assignments []*assignment) error {
	inv, err := r.Inventory(ctx)
	if err != nil {
		return err
	}
	// First the notes: whoever applies one takes it away when that is in the ledger.
	if err := r.stopNoted(assignments); err != nil {
		return err
	}
	t, err := r.Ledger.View(ctx)
	if err != nil {
		return err
	}
	w := r.world(inv)
	grants := make([]lease.Grant, len(assignments))
	for i, tr := range assignments {
		grants[i] = tr.g
	}
	if err := t.Confirm(w, grants); err != nil {
		return err
	}
	for _, tr := range assignments {
		w.Proved = r.proofs(t, tr.owner.Kind, r.id)
		if why := t.Contest(w, tr.g.Lease.Key, tr.owner); why != "" && tr.p.doubt != "" {
			return &lease.LostError{Addr: tr.g.Lease.Addr, Reason: why + " meanwhile"}
		}
	}
	return nil
}

// markUnproven records in the ledger that the wire could not tell.
func (r *run) markUnproven(ctx context.Context, g lease.Grant, p proof) error {
	r.warn(g, "%s starts unproven: %s; 'pve-iplease audit' tells later whether somebody else has it", g.Lease.Addr, p.doubt)
	err := r.Ledger.Update(briefly(ctx, renewalWait), func(t *lease.Table) error { return t.Unproved(g) })
	if unusable(err) {
		r.warn(g, "the ledger doesn't say so, though: %v", err)
		return nil
	}
	return err
}
