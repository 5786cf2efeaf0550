package hook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
)

// proof says how far the wire confirmed that nobody uses an address.
type proof struct {
	sent    int    // packets, over all windows
	windows int    // probe windows that it took
	closed  bool   // a network without uplink: nobody else can be there
	doubt   string // not empty: the wire could not tell
}

func (p proof) String() string {
	if p.doubt != "" {
		return "unproven: " + p.doubt
	}
	if p.closed {
		return fmt.Sprintf("%s has it on this closed network", "nobody")
	}
	return fmt.Sprintf("nobody answered %d probes", p.sent)
}

// prove asks the wire whether the claimed address is free, with the spares
// beside it, and moves the claim to a free one where that is allowed. The
// ledger's lock is never held meanwhile.
func (r *run) prove(ctx context.Context, s subject, w lease.World, g lease.Grant, wire port) (lease.Grant, proof, error) {
	var p proof
	for {
		res, err := wire.Ask(ctx, r.question(s, w, g))
		if stop := r.stopped(ctx); stop != nil {
			return g, p, stop
		}
		if err != nil {
			return g, p, err
		}
		p.sent, p.windows, p.closed, p.doubt = p.sent+res.Sent, p.windows+1, res.Closed, doubt(res, g)
		heard := heard(res)
		if liar := lease.Liar(heard); liar != nil {
			return g, p, fmt.Errorf("%w (%s)", liar, r.host(w, liar.MAC, res))
		}
		r.learn(s, res)
		lost, err := r.lost(ctx, g, heard)
		if err != nil {
			return g, p, err
		}
		switch {
		case lost:
			var proved bool
			if g, proved, err = r.decline(ctx, w, g, res, heard); err != nil || proved {
				return g, p, err
			}
		case p.doubt == "" || r.startsUnproven(ctx, g, p, wire):
			return g, p, nil
		case !r.timeForAnother(ctx, g) || wire.blind != nil:
			return g, p, unprovable(w, g, p)
		}
	}
}

// unprovable is why a start fails that the wire can't tell about.
func unprovable(w lease.World, g lease.Grant, p proof) error {
	if g.Shared {
		return fmt.Errorf("cannot prove that %s is free: %s; and it %s: take it out of one of the two configs",
			g.Lease.Addr, p.doubt, w.NamedByOthers(g.Lease.Key, g.Lease.Owner))
	}
	if !g.From.IsZero() {
		return fmt.Errorf("cannot prove that %s is free: %s; and it was %s's, which may run without the ledger knowing",
			g.Lease.Addr, p.doubt, g.From.Guest())
	}
	return fmt.Errorf("cannot prove that %s is free: %s; set 'unproven start' in pool %s to start all the same",
		g.Lease.Addr, p.doubt, g.PoolName())
}

// question asks for the claimed address, its spares and, as a sign of life
// of the network, the gateway.
func (r *run) question(s subject, w lease.World, g lease.Grant) probe.Question {
	q := probe.Question{Candidates: append([]netip.Addr{g.Lease.Addr}, g.Spares...), Pace: pace(g.Pool)}
	if !s.nic.MAC.IsZero() {
		q.Own = []lease.MAC{s.nic.MAC}
	}
	if gw := g.Gateway; gw.IsValid() && g.Address.Masked().Contains(gw) && gw != g.Lease.Addr {
		known, ok := r.Gateways.MAC(s.nic.Bridge, s.nic.Tag, gw)
		// A gateway that is itself a guest may be stopped: its silence says
		// nothing about the network.
		_, guest := guestOf(w, known)
		q.Gateways = []probe.Gateway{{Addr: gw, Known: ok && !guest}}
	}
	return q
}

func pace(p *lease.Pool) probe.Pace {
	if p != nil {
		if pace, ok := probe.Preset(p.Probe); ok {
			return pace
		}
	}
	pace, _ := probe.Preset("default")
	return pace
}

// learn remembers a gateway that answered.
func (r *run) learn(s subject, res probe.Result) {
	for addr, mac := range res.Gateways {
		if !r.opt.DryRun {
			r.Gateways.Learn(s.nic.Bridge, s.nic.Tag, addr, mac)
		}
	}
}

// heard translates the wire's answers for the ledger.
func heard(res probe.Result) []lease.Heard {
	out := make([]lease.Heard, 0, len(res.Answers))
	for _, a := range res.Answers {
		out = append(out, lease.Heard{
			Addr: a.Addr, By: a.MACs,
			Taken: a.Verdict == probe.Taken, Contended: a.Verdict == probe.Contended, Silent: a.Verdict == probe.Free,
		})
	}
	return out
}

// doubt is why the wire could not tell about the claimed address.
func doubt(res probe.Result, g lease.Grant) string {
	for _, a := range res.Answers {
		if a.Addr == g.Lease.Addr && a.Verdict == probe.Unknown {
			return a.Reason
		}
	}
	return ""
}

// lost reports whether the claimed address must be given up. The ledger is
// read only when somebody spoke.
func (r *run) lost(ctx context.Context, g lease.Grant, heard []lease.Heard) (bool, error) {
	for _, h := range heard {
		if h.Addr != g.Lease.Addr || !(h.Taken || h.Contended) {
			continue
		}
		t, err := r.Ledger.View(ctx)
		if err != nil {
			return false, err
		}
		return t.Lost(g, heard), nil
	}
	return false, nil
}

// decline moves the claim away from an address that somebody has.
func (r *run) decline(ctx context.Context, w lease.World, g lease.Grant, res probe.Result, heard []lease.Heard) (lease.Grant, bool, error) {
	who := r.speakers(w, g.Lease.Addr, res)
	if !g.Movable() {
		return g, false, r.refusal(w, g, who, heard)
	}
	r.warn(g, "%s is in use by %s: not leased", g.Lease.Addr, who)
	r.remember(lease.Lease{Key: g.Lease.Key}, "stranger", who)
	var next lease.Grant
	var proved bool
	var full *lease.ExhaustedError
	w.Now = r.Here.Now()
	err := r.Ledger.Update(ctx, func(t *lease.Table) (err error) {
		if next, proved, err = t.Decline(w, r.stamp(), g, heard); errors.As(err, &full) {
			return nil // what strangers have is worth knowing, and the claim on it is void
		}
		return err
	})
	if err == nil && full != nil {
		err = full
	}
	return next, proved, err
}

// refusal is why a start must fail: its address can't be moved and belongs to
// somebody else.
func (r *run) refusal(w lease.World, g lease.Grant, who string, heard []lease.Heard) error {
	what := "static"
	switch {
	case g.Lease.Origin == lease.Reserved:
		what = "reserved"
	case g.Lease.Origin == lease.FromPool:
		what = "to be kept (on-conflict fail)"
	}
	return &lease.ConflictError{
		Addr:   g.Lease.Addr,
		Reason: fmt.Sprintf("of %s is %s, but %s uses it: take it off that host, or give net%d another address", g.Lease.Owner.Guest(), what, who, g.Lease.Owner.NIC),
	}
}

// startsUnproven reports whether a guest may start although the wire can't
// tell: one that had the address before, after a second window, and a new
// lease where the pool says so. Of two configs that name an address which the
// ledger gave to neither, the one that starts first must be proved; and so must
// an address that was a stopped guest's, which may have come up since without
// the ledger being told.
func (r *run) startsUnproven(ctx context.Context, g lease.Grant, p proof, wire port) bool {
	if g.Shared || !g.From.IsZero() {
		return false
	}
	if !g.Present() {
		return g.Pool.Unproven && (!r.timeForAnother(ctx, g) || wire.blind != nil)
	}
	return p.windows > 1 || wire.blind != nil || !r.timeForAnother(ctx, g)
}

// margin is what the work after the last window may take.
const margin = time.Second

// timeForAnother reports whether the deadline leaves room for another window
// and the work after it.
func (r *run) timeForAnother(ctx context.Context, g lease.Grant) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) > pace(g.Pool).Window()+margin
}
