package hook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// patience is how long a stranger may hold Proxmox's config lock before the
// start is given up; Proxmox's own tools wait 10 s.
const patience = 5 * time.Second

// attempts is how often a start decides anew when somebody changed the
// ledger or the guest's config underneath it.
const attempts = 5

// reserve is what waiting for others must leave of the deadline for the work,
// or half of it if that is less.
const reserve = 5 * time.Second

func (r *run) preStart(ctx context.Context) int {
	if r.kind() == pve.VM {
		return r.preStartVM(ctx)
	}
	if r.arrives() {
		r.keepBound(pve.VM)
		r.info("VM %s comes from %s while it runs, and keeps its addresses: nothing to do", r.id, report.Clean(r.Env.Arriving))
		return OK
	}
	r.warnOfProblems()
	if !r.opt.DryRun {
		unlock, err := r.Guests.LockGuest(ctx, r.id, patience)
		if err != nil {
			return r.fail(err)
		}
		defer unlock()
	}
	switch state, err := r.state(); {
	case err != nil:
		return r.fail(err)
	case r.opt.Move && state != node.Stopped:
		return r.fail(r.mustStop(state))
	case state == node.Running:
		return r.startedMeanwhile()
	}
	return r.start(ctx, r.attempt)
}

// state is asked under the lock: who had it before may have started the
// container. A start learns later whether one that doesn't run is still
// stopping; a lease that is to move does so before that, and a backup's start,
// which comes without Proxmox's lock, may just be on its way.
func (r *run) state() (node.State, error) {
	if r.opt.Move {
		return r.Runs.RunState(r.id)
	}
	running, err := r.Runs.Running(r.id)
	if running {
		return node.Running, err
	}
	return node.Stopped, err
}

// startedMeanwhile leaves a running container alone: of two starts at once
// Proxmox calls the second one's hook although the first has succeeded.
func (r *run) startedMeanwhile() int {
	if r.opt.Move {
		return r.fail(r.mustStop(node.Running))
	}
	r.info("CT %s is running already: nothing to do", r.id)
	return OK
}

// mustStop is why a container that isn't stopped can't get another address.
func (r *run) mustStop(state node.State) error {
	return fmt.Errorf("CT %s is %s; stop it, renumber it, start it again", r.id, state)
}

// problemsShown bounds what a start says about the configuration.
const problemsShown = 5

// warnOfProblems says what is wrong in the pools file: a section that is
// disabled by a mistake is missed only when it is needed.
func (r *run) warnOfProblems() {
	for i, p := range r.Problems {
		if i == problemsShown {
			r.warn(lease.Grant{}, "and more, %d in all: 'pve-iplease pool list' shows each", len(r.Problems))
			return
		}
		r.warn(lease.Grant{}, "%v", p)
	}
}

// errWaited means that what was decided is older than the end of the previous
// run.
var errWaited = errors.New("the previous run has only just ended")

// warnOfUnread names what of the inventory could not be read.
func (r *run) warnOfUnread(inv lease.Inventory) {
	for i, u := range inv.Unread {
		if i == problemsShown {
			r.warn(lease.Grant{}, "and %d more that can't be read", len(inv.Unread)-i)
			return
		}
		if u.Known {
			r.warn(lease.Grant{}, "%s", report.Sentence(u.String()))
			continue
		}
		r.warn(lease.Grant{}, "%s: %s", report.Sentence(u.String()), u.Allows())
	}
}

// awaitIdle makes sure that the previous run of the container is over. One
// that is still stopping is waited for: Proxmox rewrites the whole guest config
// at the end of each run without its own lock, and would undo our edit, and its
// post-stop may release the lease. To find it every process is asked, which
// takes milliseconds, so that is done beside the probes; idle must be called
// before anything is written. After a wait all is decided anew.
func (r *run) awaitIdle(ctx context.Context, s subject) (idle func() error) {
	var err error
	wait := r.Background(func() { err = r.over(ctx, s) })
	return func() error {
		wait()
		return err
	}
}

// over waits for the end of a container's previous run; errWaited means that
// there was one. Proxmox itself keeps the runs of a VM apart.
func (r *run) over(ctx context.Context, s subject) error {
	if s.kind == pve.VM {
		return nil
	}
	state, err := r.Runs.RunState(r.id)
	switch {
	case err != nil || state == node.Stopped:
		return err
	case state == node.Running:
		return node.ErrRunning
	}
	wait, cancel := withReserve(ctx)
	defer cancel()
	err = r.Runs.AwaitStopped(wait, r.id)
	switch stop := r.stopped(ctx); {
	case err == nil:
		return errWaited
	case errors.Is(err, node.ErrRunning):
		return err
	case stop != nil:
		return stop
	}
	return fmt.Errorf("the previous run of CT %s is still stopping, and its end would undo our edit; wait for it and start again", r.id)
}

// withReserve ends early enough for the work that must follow.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(reserve, time.Until(end)/2)))
}

// start leases for a stopped guest, deciding anew while others change what
// was decided upon.
func (r *run) start(ctx context.Context, attempt func(context.Context) (int, error)) int {
	var err error
	for range attempts {
		if stop := r.stopped(ctx); stop != nil {
			return r.failed(stop)
		}
		var code int
		code, err = attempt(ctx)
		var lost *lease.LostError
		switch {
		case errors.Is(err, node.ErrRunning):
			return r.startedMeanwhile()
		case !errors.As(err, &lost) && !errors.Is(err, node.ErrChanged) && !errors.Is(err, errWaited):
			if stop := r.stopped(ctx); stop != nil && exitCode(err) == Failed && errors.Is(err, ctx.Err()) {
				err = stop // says more than that the time is over
			}
			if err != nil {
				return r.failed(err)
			}
			return code
		}
		r.info("%v: deciding anew", err)
	}
	return r.failed(fmt.Errorf("the decision was overtaken %d times: %w", attempts, err))
}

func (r *run) attempt(ctx context.Context) (int, error) {
	s, err := r.subject(pve.Container)
	if err != nil {
		return Failed, err
	}
	return r.serve(ctx, s)
}

// serve leases what a guest needs, if anything.
func (r *run) serve(ctx context.Context, s subject) (int, error) {
	s.requests = append(s.requests, r.unattributed(ctx, s)...)
	slices.SortStableFunc(s.requests, func(a, b request) int { return a.nic.Index - b.nic.Index })
	if len(s.requests) == 0 {
		return OK, nil
	}
	unserved := func(n request) bool { return len(n.pools) == 0 }
	lost := slices.DeleteFunc(slices.Clone(s.requests), func(n request) bool { return !unserved(n) })
	requests := slices.DeleteFunc(slices.Clone(s.requests), unserved)
	r.work(ctx)
	defer r.rest()
	var (
		inv         lease.Inventory
		err         error
		assignments []*assignment
		ports       []*port
	)
	r.Parallel(
		func() { assignments, ports = r.assignments(requests) },
		func() { inv, err = r.Inventory(ctx) },
	)
	defer closeAll(ports)
	if err != nil {
		return Failed, err
	}
	r.warnOfUnread(inv)
	w := r.world(inv)
	// What a broken part of the configuration may have served starts as it is,
	// or nothing does.
	if len(lost) > 0 {
		r.rest()
		if err := r.degraded(ctx, s, lost, w, r.brokenPools()); err != nil {
			return Failed, err
		}
		_ = r.Bind(ctx) // what can't be now is later
	}
	return OK, r.lease(ctx, s, requests, w, assignments, ports)
}

// lease takes an address for each need, proves them and writes them.
func (r *run) lease(ctx context.Context, s subject, requests []request, w lease.World, assignments []*assignment, ports []*port) error {
	if r.opt.Move && !slices.ContainsFunc(requests, r.moves) {
		return fmt.Errorf("%s net%d has no %s address from a pool; name the interface with --nic, the family with -4 or -6", s.guest(r.id), r.opt.NIC, r.opt.Family)
	}
	if len(requests) == 0 {
		return nil
	}
	r.work(ctx)
	err := r.claim(ctx, w, assignments)
	r.rest()
	if unusable(err) {
		return r.degraded(ctx, s, requests, w, err)
	}
	if err != nil {
		return err
	}
	idle := r.awaitIdle(ctx, s)
	next := r.draft(ctx, s, assignments)
	defer next.discard()
	if err := r.prove(ctx, w, assignments, ports, idle); err != nil {
		return errors.Join(err, r.withdraw(ctx, assignments))
	}
	if err := idle(); err != nil {
		return err
	}
	if err := r.write(ctx, s, assignments, next); err != nil {
		return err
	}
	r.warnOfTwins(w, assignments)
	return nil
}

// world is what the ledger's decisions depend on.
func (r *run) world(inv lease.Inventory) lease.World {
	return lease.World{
		Now: r.Env.Now(), Node: r.Env.Name, Pools: r.Pools.Pools, Reservations: r.Pools.Reservations,
		Inventory: inv, Named: r.Pools.Named, Explain: r.opt.Explain,
	}
}
