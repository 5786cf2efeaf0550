package hook

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// port is the wire of one NIC, or the reason why there is none.
type port struct {
	Wire
	nic    guest.NIC
	closed bool  // a network of this node alone
	blind  error // the wire can't be opened: nothing can be told
}

// open opens a NIC's network. Failing to is no error yet: a renewal may go
// on without proof.
func (r *run) open(nic guest.NIC, uplink *probe.Budget) *port {
	w, closed, err := r.Open(probe.Place{Bridge: nic.Bridge, Tag: nic.Tag, MAC: nic.MAC, Budget: uplink})
	if err != nil {
		return &port{nic: nic, blind: err}
	}
	return &port{Wire: w, nic: nic, closed: closed}
}

// assignment is a need on its way to an address: what was granted, and how far the
// wire has proved it.
type assignment struct {
	request
	wire *port // one a NIC, for both families
	g    lease.Grant
	p    proof
	done bool
	// Somebody unknown asked for the address too, and it was asked once more.
	rival bool
}

// assignments opens the networks of all needs side by side.
func (r *run) assignments(requests []request) (assignments []*assignment, ports []*port) {
	var open []func()
	uplinks := map[string]*probe.Budget{} // by bridge: whatever the tags, it has one
	for i, n := range requests {
		mates := slices.ContainsFunc(requests, func(o request) bool { return o.nic.Index != n.nic.Index && o.nic.Bridge == n.nic.Bridge })
		if mates && uplinks[n.nic.Bridge] == nil {
			uplinks[n.nic.Bridge] = probe.OneStart()
		}
		if i == 0 || requests[i-1].nic.Index != n.nic.Index {
			p := new(port)
			ports = append(ports, p)
			open = append(open, func() { *p = *r.open(n.nic, uplinks[n.nic.Bridge]) })
		}
		assignments = append(assignments, &assignment{request: n, wire: ports[len(ports)-1]})
	}
	r.Parallel(open...)
	return assignments, ports
}

func closeAll(ports []*port) {
	for _, p := range ports {
		p.Close()
	}
}

// Ask answers that nothing can be told when there is no wire.
func (p *port) Ask(ctx context.Context, q probe.Question) (probe.Result, error) {
	if p.blind == nil {
		return p.Wire.Ask(ctx, q)
	}
	res := probe.Result{Doubt: p.blind.Error()}
	for _, a := range q.Candidates {
		res.Answers = append(res.Answers, probe.Answer{Addr: a, Verdict: probe.Unknown, Reason: res.Doubt})
	}
	return res, nil
}

// prober is where other nodes see probes come from; zero without a wire, on a
// bridge without uplink, which no other node sees and whose address is a new one
// with many a guest, and where it is the NIC's own address or its stand-in, as
// the lease tells.
func (p *port) prober() pve.MAC {
	if p.Wire == nil || p.closed || p.MAC() == p.nic.MAC.StandIn() {
		return pve.MAC{}
	}
	return p.MAC()
}

// Close gives the port back.
func (p *port) Close() {
	if p.blind == nil && p.Wire != nil {
		p.Wire.Close()
	}
}

// claim takes the owner's leases, or the next free addresses, under the
// ledger's lock: all or none. From here on a crash leaves addresses that only
// this guest can get.
func (r *run) claim(ctx context.Context, w lease.World, assignments []*assignment) error {
	wants := make([]lease.Want, len(assignments))
	for i, t := range assignments {
		wants[i] = t.want(t.wire, r.opt.Move && r.moves(t.request))
	}
	var grants []lease.Grant
	err := r.asking(&w, func() error {
		q, wait := r.inQueue(ctx, func() bool { return r.safeWithout(ctx, w, assignments) })
		defer q.over()
		return r.update(wait, w, func(t *lease.Table) (err error) {
			q.over()
			r.claimed, w.Proved = t, r.proofs(t, assignments[0].owner.Kind, r.id)
			for _, tr := range assignments {
				t.Known(r.Env.Name, r.Env.Version, tr.wire.prober())
			}
			if grants, err = t.Acquire(w, r.stamp(), wants); err != nil {
				return err
			}
			for _, g := range grants {
				err = cmp.Or(err, mismatch(g))
			}
			return err
		})
	})
	for i, g := range grants {
		assignments[i].g = g
	}
	if err == nil {
		r.made = assignments
	}
	return err
}

// moves reports whether it is this need that the call is to move.
func (r *run) moves(n request) bool {
	return r.opt.NIC == n.nic.Index && r.opt.Family == n.family
}

// stamp is the mark of a claim made now.
func (r *run) stamp() lease.Claim {
	return lease.Claim{
		ID: r.NewID(), Node: r.Env.Name, Boot: r.Env.Boot,
		Up: r.Env.Uptime(), At: r.Env.Now().Truncate(time.Second),
		Foreseen: r.foreseen,
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
	var proxy *lease.ProxyARPError
	switch {
	case errors.As(err, &exhausted):
		return Exhausted
	case errors.As(err, &conflict), errors.As(err, &proxy):
		return Conflict
	case errors.Is(err, ledger.ErrLocked), errors.Is(err, ledger.ErrNoQuorum), errors.Is(err, node.ErrLocked):
		return Locked
	}
	return Failed
}
