package hook

import (
	"context"
	"errors"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
)

// port is the wire of one NIC, or the reason why there is none.
type port struct {
	Wire
	closed bool  // a network of this node alone
	blind  error // the wire can't be opened: nothing can be told
}

// open opens the NIC's network. Failing to is no error yet: a renewal may go
// on without proof.
func (r *run) open(s subject) port {
	w, closed, err := r.Open(probe.Place{Bridge: s.nic.Bridge, Tag: s.nic.Tag, MAC: s.nic.MAC})
	if err != nil {
		return port{blind: err}
	}
	return port{Wire: w, closed: closed}
}

// Ask answers that nothing can be told when there is no wire.
func (p port) Ask(ctx context.Context, q probe.Question) (probe.Result, error) {
	if p.blind == nil {
		return p.Wire.Ask(ctx, q)
	}
	res := probe.Result{Doubt: p.blind.Error()}
	for _, a := range q.Candidates {
		res.Answers = append(res.Answers, probe.Answer{Addr: a, Verdict: probe.Unknown, Reason: res.Doubt})
	}
	return res, nil
}

// MAC is where probes come from; zero without a wire.
func (p port) MAC() lease.MAC {
	if p.blind != nil {
		return lease.MAC{}
	}
	return p.Wire.MAC()
}

// Close gives the port back.
func (p port) Close() {
	if p.blind == nil {
		p.Wire.Close()
	}
}

// claim takes the owner's lease, or the next free address, under the
// ledger's lock. From here on a crash leaves an address that only this owner
// can get.
func (r *run) claim(ctx context.Context, s subject, w lease.World, wire port) (lease.Grant, error) {
	want := lease.Want{
		Owner: s.owner, MAC: s.nic.MAC, Bridge: s.nic.Bridge, Tag: s.nic.Tag, Closed: wire.closed,
		Current: s.current(), Gateway: s.nic.Gateway, Move: r.opt.Move, Until: s.until,
	}
	var grants []lease.Grant
	wait, cancel := withReserve(ctx)
	defer cancel()
	err := r.update(wait, w, func(t *lease.Table) (err error) {
		t.Known(r.Here.Name, r.Here.Version, wire.MAC())
		grants, err = t.Acquire(w, r.stamp(), []lease.Want{want})
		return err
	})
	if err != nil {
		return lease.Grant{}, err
	}
	return grants[0], nil
}

// stamp is the mark of a claim made now.
func (r *run) stamp() lease.Claim {
	return lease.Claim{
		ID: r.NewID(), Node: r.Here.Name, Boot: r.Here.Boot,
		Up: r.Here.Uptime(), At: r.Here.Now().Truncate(time.Second),
	}
}

// unusable reports whether the ledger itself failed, and not the decision.
func unusable(err error) bool {
	var exhausted *lease.ExhaustedError
	var conflict *lease.ConflictError
	var lost *lease.LostError
	return err != nil && !errors.As(err, &exhausted) && !errors.As(err, &conflict) && !errors.As(err, &lost) &&
		!errors.Is(err, context.Canceled)
}

// exitCode maps an error to the process's exit code.
func exitCode(err error) int {
	var exhausted *lease.ExhaustedError
	var conflict *lease.ConflictError
	var liar *lease.LiarError
	switch {
	case errors.As(err, &exhausted):
		return Exhausted
	case errors.As(err, &conflict), errors.As(err, &liar):
		return Conflict
	case errors.Is(err, ledger.ErrLocked), errors.Is(err, ledger.ErrNoQuorum), errors.Is(err, node.ErrLocked):
		return Locked
	}
	return Failed
}
