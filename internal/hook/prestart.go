package hook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
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

// subject is the NIC that the call is about, as its guest's config has it now.
type subject struct {
	raw   []byte
	conf  guest.Config
	nic   guest.NIC
	owner lease.Owner
	pools []*lease.Pool // that serve the NIC
	until time.Time     // set: the guest doesn't exist yet, and its lease is offered until then
}

func (r *run) preStart(ctx context.Context) int {
	if r.kind() == lease.VM {
		r.info("VM %s: addresses of virtual machines are not leased by this version", r.id)
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
	// Asked under the lock: who had it before may have started the container.
	running, err := r.Runs.Running(r.id)
	switch {
	case err != nil:
		return r.fail(err)
	case running:
		return r.startedMeanwhile()
	}
	return r.start(ctx)
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
			r.warn(lease.Grant{}, "and %d more problems: 'pve-iplease pool list' shows all", len(r.Problems)-i)
			return
		}
		r.warn(lease.Grant{}, "%v", p)
	}
}

// kind tells what the VMID names; an unknown one counts as a container.
func (r *run) kind() lease.Kind {
	_, err := r.Guests.ReadGuest(lease.Container, r.id)
	if errors.Is(err, node.ErrNoGuest) {
		if _, err := r.Guests.ReadGuest(lease.VM, r.id); err == nil {
			return lease.VM
		}
	}
	return lease.Container
}

// errWaited means that what was decided is older than the end of the previous
// run.
var errWaited = errors.New("the previous run has only just ended")

// awaitIdle makes sure that the previous run of the container is over. One
// that is still stopping is waited for: Proxmox rewrites the whole guest config
// at the end of each run without its own lock, and would undo our edit, and its
// post-stop may release the lease. To find it every process is asked, which
// takes milliseconds, so that is done beside the probes; idle must be called
// before anything is written. After a wait all is decided anew.
func (r *run) awaitIdle(ctx context.Context) (idle func() error) {
	var err error
	wait := r.Beside(func() { err = r.awaitEnd(ctx) })
	return func() error {
		wait()
		return err
	}
}

// awaitEnd waits for the end of a previous run; errWaited means that there was
// one.
func (r *run) awaitEnd(ctx context.Context) error {
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
func (r *run) start(ctx context.Context) int {
	var err error
	for range attempts {
		if stop := r.stopped(ctx); stop != nil {
			return r.fail(stop)
		}
		var code int
		code, err = r.attempt(ctx)
		var lost *lease.LostError
		switch {
		case errors.Is(err, node.ErrRunning):
			return r.startedMeanwhile()
		case !errors.As(err, &lost) && !errors.Is(err, node.ErrChanged) && !errors.Is(err, errWaited):
			if stop := r.stopped(ctx); stop != nil && exitCode(err) == Failed && errors.Is(err, ctx.Err()) {
				err = stop // says more than that the time is over
			}
			if err != nil {
				return r.fail(err)
			}
			return code
		}
		r.info("%v: deciding anew", err)
	}
	return r.fail(fmt.Errorf("the decision was overtaken %d times: %w", attempts, err))
}

func (r *run) attempt(ctx context.Context) (int, error) {
	s, done, err := r.subject()
	if done || err != nil {
		return OK, err
	}
	inv, err := r.Inventory(ctx)
	if err != nil {
		return Failed, err
	}
	w := r.world(inv)
	if len(s.pools) == 0 {
		return OK, r.degraded(ctx, s, w, r.brokenPools())
	}
	wire := r.open(s)
	defer wire.Close()
	g, err := r.claim(ctx, s, w, wire)
	if unusable(err) {
		return OK, r.degraded(ctx, s, w, err)
	}
	if err != nil {
		return Failed, err
	}
	idle := r.awaitIdle(ctx)
	g, p, err := r.prove(ctx, s, w, g, wire)
	if err != nil {
		return Failed, err
	}
	if err := idle(); err != nil {
		return Failed, err
	}
	return OK, r.write(ctx, s, g, p)
}

// subject reads the guest's config; done means that there is nothing to
// lease, which has been said.
func (r *run) subject() (s subject, done bool, err error) {
	s.owner = lease.Owner{Kind: lease.Container, VMID: r.id, NIC: 0}
	if s.raw, err = r.Guests.ReadGuest(s.owner.Kind, r.id); err != nil {
		return s, false, err
	}
	s.conf = guest.Parse(s.owner.Kind, s.raw)
	s.nic, err = s.conf.NIC(s.owner.NIC)
	if errors.Is(err, guest.ErrNoNIC) {
		r.info("CT %s has no net%d: nothing to do", r.id, s.owner.NIC)
		return s, true, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("CT %s: %w", r.id, err)
	}
	for i := range r.Pools.Pools {
		if p := &r.Pools.Pools[i]; p.Family() == lease.IPv4 && p.NICs.Has(s.owner.NIC) && p.Serves(r.Here.Name, s.nic.Bridge, s.nic.Tag) {
			s.pools = append(s.pools, p)
		}
	}
	return s, r.nothingToLease(s), nil
}

// nothingToLease says why a NIC is none of ours.
func (r *run) nothingToLease(s subject) bool {
	keep := func(p *lease.Pool) bool { return p.KeepDHCP }
	switch {
	case s.nic.IP == guest.DHCP && slices.ContainsFunc(s.pools, keep):
		r.info("CT %s net%d uses DHCP and its pool says 'dhcp keep': left as it is", r.id, s.owner.NIC)
		return true
	case s.nic.HostManaged:
		// Proxmox has made the container's network from the old line already
		// (PVE::LXC::update_lxc_config): a new one would come on top of it.
		r.warn(lease.Grant{}, "CT %s net%d is host-managed, which this version doesn't lease for: left as it is", r.id, s.owner.NIC)
		return true
	case len(s.pools) == 0 && !r.mayBeDisabled(s):
		r.info("CT %s net%d: no pool serves %s on %s: left as it is", r.id, s.owner.NIC, lease.NewSegment(s.nic.Bridge, s.nic.Tag), r.Here.Name)
		return true
	}
	return false
}

// world is what the ledger's decisions depend on.
func (r *run) world(inv lease.Inventory) lease.World {
	return lease.World{
		Now: r.Here.Now(), Node: r.Here.Name, Pools: r.Pools.Pools, Reservations: r.Pools.Reservations,
		Inventory: inv, Named: r.Pools.Named, Explain: r.opt.Explain,
	}
}

// stopped says why nothing further may be written: the task was stopped, its
// worker is gone (Proxmox's config lock is then free for others), or the
// deadline is over.
func (r *run) stopped(ctx context.Context) error {
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return errors.New("gave up at the deadline: net0 is unchanged; see what delays it, or raise 'deadline' in node.cfg")
	case ctx.Err() != nil:
		return fmt.Errorf("stopped by %w: net0 is unchanged", context.Cause(ctx))
	case r.Here.Orphaned():
		return errors.New("the task that called us is gone: net0 is unchanged")
	}
	return nil
}

// current is the address that net0 carries; invalid when it carries none.
func (s subject) current() netip.Prefix {
	if s.nic.IP == guest.Static {
		return s.nic.Addr
	}
	return netip.Prefix{}
}
