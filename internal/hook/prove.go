package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// proof says how far the wire confirmed that nobody uses an address.
type proof struct {
	sent    int    // packets, over all windows
	windows int    // probe windows that it took
	closed  bool   // a network without uplink: nobody else can be there
	doubt   string // not empty: the wire could not tell
	hearsay bool   // somebody spoke in the guest's own name, and is yet to be asked himself
	selves  bool   // somebody has spoken in the guest's own name: each further window asks him too
}

func (p proof) String() string {
	if p.doubt != "" {
		return "unproven: " + p.doubt
	}
	if p.closed {
		return "nobody has it on this closed network"
	}
	return fmt.Sprintf("nobody answered %d probes", p.sent)
}

// prove asks the wire whether the claimed addresses are free, with their
// spares beside them, and moves a claim to a free address where that is
// allowed. All NICs are asked in one window; who needs another is asked again.
// The ledger's lock is never held meanwhile. idle tells whether the guest's
// previous run is over; before that what is said in its name may be its own last
// word.
func (r *run) prove(ctx context.Context, w lease.World, assignments []*assignment, ports []*port, idle func() error) error {
	for over := false; ; {
		var open []*assignment
		for _, t := range assignments {
			if !t.done {
				open = append(open, t)
			}
		}
		if len(open) == 0 {
			return nil
		}
		answers, err := r.ask(ctx, w, open, ports, over)
		if stop := r.stopped(ctx); stop != nil {
			return stop
		}
		if err != nil {
			return err
		}
		for _, p := range ports {
			r.learn(w, p, answers[p])
		}
		unasked := !over && hearsay(open, answers)
		if unasked {
			if err := idle(); err != nil {
				return err
			}
			over = true
		}
		for _, t := range open {
			spoke := answerTo(t.g, answers[t.wire]).Hearsay
			t.p.hearsay, t.p.selves = unasked && spoke, t.p.selves || spoke
			if err := r.judge(ctx, w, t, answers[t.wire]); err != nil {
				return err
			}
		}
	}
}

// ask asks one question on each port that a trial needs, side by side; over says
// that the guest's previous run is.
func (r *run) ask(ctx context.Context, w lease.World, assignments []*assignment, ports []*port, over bool) (map[*port]probe.Result, error) {
	answers := map[*port]probe.Result{}
	portions := share(assignments)
	var asked []*port
	var results []probe.Result
	var errs []error
	var fs []func()
	for _, p := range ports {
		if q := r.question(w, p, assignments, portions, over); len(q.Candidates) > 0 {
			i := len(asked)
			asked = append(asked, p)
			fs = append(fs, func() { results[i], errs[i] = p.Ask(ctx, q) })
		}
	}
	results, errs = make([]probe.Result, len(asked)), make([]error, len(asked))
	r.Parallel(fs...)
	for i, p := range asked {
		answers[p] = results[i]
	}
	lend(assignments, portions, answers)
	return answers, errors.Join(errs...)
}

// judge decides what becomes of one claim after a window.
func (r *run) judge(ctx context.Context, w lease.World, t *assignment, res probe.Result) error {
	p := &t.p
	p.sent, p.windows, p.closed, p.doubt = p.sent+res.Sent, p.windows+1, res.Closed, doubt(res, t.g)
	heard, err := r.believed(w, heard(t.g, res), res)
	if err != nil {
		r.remembersVoice(ctx, t.g, "a host that answers for everything")
		return err
	}
	taken := t.g.Taken(heard)
	contended, err := r.contended(ctx, t.g, heard)
	if err != nil {
		return err
	}
	switch {
	case taken || contended && stepsAside(t.g, heard):
		t.g, t.done, err = r.decline(ctx, w, t.g, res, heard)
		return err
	case contended && !t.rival && r.timeForAnother(ctx, t):
		t.rival = true // may be about to take it: then it answers in the next window
		return nil
	case contended:
		r.warn(t.g, "%s is asked for by %s too, who has not taken it: kept", t.g.Lease.Addr, r.speakers(w, t.g.Lease.Addr, res))
	}
	switch {
	case p.doubt == "" || r.startsUnproven(ctx, t):
		t.done = true
	case !r.timeForAnother(ctx, t) || t.wire.blind != nil:
		return unprovable(w, t.g, *p)
	}
	return nil
}

// withdraw gives up what a start that failed has claimed of another guest's.
func (r *run) withdraw(ctx context.Context, assignments []*assignment) error {
	if !slices.ContainsFunc(assignments, func(t *assignment) bool { return t.g.Withdrawn() }) || r.stopped(ctx) != nil {
		return nil
	}
	err := r.Ledger.Update(briefly(ctx, stopWait), func(tb *lease.Table) error {
		for _, t := range assignments {
			if t.g.Withdrawn() {
				tb.Withdraw(t.g)
			}
		}
		return nil
	})
	if err == nil {
		r.made = slices.DeleteFunc(slices.Clone(assignments), func(t *assignment) bool { return t.g.AlsoNamed })
	}
	return err
}

// unprovable is why a start fails that the wire can't tell about.
func unprovable(w lease.World, g lease.Grant, p proof) error {
	if g.Contest != "" {
		return fmt.Errorf("cannot prove that %s is free: %s; and it %s: see that nobody else has it, then run 'pve-iplease confirm %s'",
			g.Lease.Addr, p.doubt, g.Contest, g.Lease.Owner.VMID)
	}
	if blind := w.Inventory.Blind(); g.AlsoNamed && blind != nil {
		return fmt.Errorf("cannot prove that %s is free: %s; and %s: see to that first", g.Lease.Addr, p.doubt, report.Sentence(blind.String()))
	}
	return fmt.Errorf("cannot prove that %s is free: %s; set 'unproven start' in pool %s to start all the same",
		g.Lease.Addr, p.doubt, g.PoolName())
}

// question asks on one port for the claimed addresses, their spares and, as a
// sign of life of the network, the gateways.
func (r *run) question(w lease.World, on *port, assignments []*assignment, portions map[*assignment]portion, over bool) probe.Question {
	var q probe.Question
	for _, t := range assignments {
		if m := t.nic.MAC; !m.IsZero() && t.nic.Bridge == on.nic.Bridge && t.nic.Tag == on.nic.Tag && !slices.Contains(q.Own, m) {
			q.Own = append(q.Own, m)
			if over {
				q.Gone = append(q.Gone, pve.PortName(t.owner))
			}
		}
		if t.wire != on {
			continue
		}
		q.Candidates = append(append(q.Candidates, t.g.Lease.Addr), t.g.Spares[:portions[t].spares]...)
		if p := pace(t.g.Pool); p.Window() > q.Pace.Window() {
			q.Pace = p
		}
		if portions[t].gateway && t.asksGateway() {
			q.Gateways = append(q.Gateways, r.gateway(w, t.nic, t.g.Gateway))
		}
	}
	return q
}

// neighbour reports whether a gateway can be asked on the guest's own network.
func neighbour(of netip.Prefix, gateway netip.Addr) bool {
	return (&lease.Pool{Subnet: of.Masked()}).Reaches(gateway)
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

// heard translates the wire's answers about a grant's addresses for the ledger.
func heard(g lease.Grant, res probe.Result) []lease.Heard {
	out := make([]lease.Heard, 0, 1+len(g.Spares))
	for _, a := range res.Answers {
		if a.Addr != g.Lease.Addr && !slices.Contains(g.Spares, a.Addr) {
			continue
		}
		out = append(out, lease.Heard{
			Addr: a.Addr, By: a.MACs, Ports: a.Ports,
			Taken: a.Verdict == probe.Taken, Contended: a.Verdict == probe.Contended, Silent: a.Verdict == probe.Free,
		})
	}
	return out
}

// doubt is why the wire's silence about the claimed address would prove nothing.
func doubt(res probe.Result, g lease.Grant) string {
	if a := answerTo(g, res); a.Verdict == probe.Unknown {
		return a.Reason
	}
	return res.Doubt
}

// decline moves the claim away from an address that somebody has.
func (r *run) decline(ctx context.Context, w lease.World, g lease.Grant, res probe.Result, heard []lease.Heard) (lease.Grant, bool, error) {
	who := r.speakers(w, g.Lease.Addr, res)
	if !g.Movable() || strayTwin(g, res) {
		r.remembersVoice(ctx, g, who)
		return g, false, r.refusal(w, g, who, res)
	}
	if g.Taken(heard) {
		r.warn(g, "%s is in use by %s: not leased", g.Lease.Addr, who)
		r.remember(lease.Lease{Key: g.Lease.Key}, "stranger", who)
	} else {
		r.warn(g, "%s is asked for by %s too: not leased", g.Lease.Addr, who)
	}
	r.declined = append(r.declined, g.Lease.Addr)
	var next lease.Grant
	var proved bool
	var full *lease.ExhaustedError
	w.Now = r.Env.Now()
	err := r.asking(&w, func() error {
		q, wait := r.inQueue(ctx, func() bool { return false })
		defer q.over()
		return r.Ledger.Update(wait, func(t *lease.Table) (err error) {
			q.over()
			w.Proved = r.proofs(t, g.Lease.Owner.Kind, g.Lease.Owner.VMID)
			if next, proved, err = t.Decline(w, r.stamp(), g, heard); errors.As(err, &full) {
				return nil // what strangers have is worth knowing, and the claim on it is void
			}
			return err
		})
	})
	if err == nil && full != nil {
		err = full
	}
	return next, proved, err
}

// refusal is why a start must fail: its address can't be moved and belongs to
// somebody else.
func (r *run) refusal(w lease.World, g lease.Grant, who string, res probe.Result) error {
	if strayTwin(g, res) {
		return twinRefusal(answerTo(g, res), g.Lease.Owner)
	}
	if g.Want.Fixed {
		return &lease.ConflictError{
			Addr: g.Lease.Addr,
			Reason: fmt.Sprintf("in ipconfig%d of %s is in use by %s: take it off that host, or run 'pve-iplease apply %s' for another address",
				g.Lease.Owner.NIC, g.Lease.Owner.Guest(), who, g.Lease.Owner.VMID),
		}
	}
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
// lease where the pool says so or an administrator vouches for it. What may be
// another's must be proved.
func (r *run) startsUnproven(ctx context.Context, t *assignment) bool {
	t.g.Contest = cmp.Or(t.g.Contest, r.heardBefore(t.g.Lease.Owner, t.g.Lease.Addr))
	if t.g.Contest != "" || t.g.AlsoNamed {
		return false
	}
	if t.p.hearsay {
		return false
	}
	last := !r.timeForAnother(ctx, t) || t.wire.blind != nil
	if !t.g.Present() {
		return last && (t.g.Pool.Unproven || len(t.g.Lease.Vouched) > 0)
	}
	return t.p.windows > 1 || last
}

const (
	// margin is what the work after the last window may take.
	margin = time.Second
	// undoing is what it takes to give up a claim: on pmxcfs the ledger begins
	// nothing with less than 15 s left.
	undoing = 16 * time.Second
	// askingItself is what it takes to ask one MAC alone: a second after the
	// window before, and a window.
	askingItself = 2 * time.Second
)

// timeForAnother reports whether the deadline leaves room for another window
// and the work after it.
func (r *run) timeForAnother(ctx context.Context, t *assignment) bool {
	end, ok := ctx.Deadline()
	needed := pace(t.g.Pool).Window() + margin
	if t.g.Withdrawn() {
		needed += undoing
	}
	if t.p.selves {
		needed += askingItself
	}
	return !ok || time.Until(end) > needed
}
