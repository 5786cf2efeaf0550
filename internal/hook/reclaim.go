package hook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/report"
)

// Verdict is what becomes of one lease whose guest is gone.
type Verdict struct {
	Lease lease.Lease
	Freed bool
	Why   string
}

// perWindow is how many addresses are asked side by side, as at a start.
const perWindow = 3

// Reclaim ends the leases of guests that are on no node any more and for
// whose addresses nobody answers, and strangers' marks that are past their hour.
// With dry it only says what it would do. What makes the ledger smaller comes
// first: it may be full.
func (h *Hook) Reclaim(ctx context.Context, dry bool) ([]Verdict, error) {
	r := run{Hook: h, phase: "reclaim", opt: Options{DryRun: dry}}
	inv, err := h.Inventory(ctx)
	if err == nil && !inv.Complete {
		err = fmt.Errorf("no guest may be called gone: %s; see that root can read every file below /etc/pve/nodes", unread(inv))
	}
	if err != nil {
		return nil, err
	}
	w := r.world(inv)
	verdicts, err := r.reclaimMarks(ctx, w)
	t, verr := h.Ledger.View(ctx)
	if err := errors.Join(err, verr); err != nil {
		return nil, err
	}
	gone := r.askFor(ctx, t.Gone(w))
	if !dry {
		err = r.reclaim(ctx, gone)
	}
	return slices.Concat(verdicts, gone, missing(t, w)), err
}

// reclaimMarks ends the marks that no longer keep an address from being tried:
// who really is there is heard when it is asked for.
func (r *run) reclaimMarks(ctx context.Context, w lease.World) (verdicts []Verdict, err error) {
	var marks []lease.Lease
	shrink := func(t *lease.Table) error { marks = t.Shrink(w); return nil }
	if !r.opt.DryRun {
		err = r.Ledger.Update(ctx, shrink)
	} else if t, verr := r.Ledger.View(ctx); verr != nil {
		err = verr
	} else {
		err = shrink(t)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		v := Verdict{m, true, "a stranger had it; whoever has it is heard when it is asked for again"}
		r.remember(m, "reclaimed", v.Why)
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// unread names the first of what could not be read.
func unread(inv lease.Inventory) string {
	switch n := len(inv.Unread); n {
	case 0:
		return "some guests' configs can't be read"
	case 1:
		return report.Sentence(inv.Unread[0].String())
	default:
		return fmt.Sprintf("%s; and %d more", report.Sentence(inv.Unread[0].String()), n-1)
	}
}

// missing lists the guests that have not been gone for long enough.
func missing(t *lease.Table, w lease.World) (out []Verdict) {
	gone := map[lease.Key]bool{}
	for _, l := range t.Gone(w) {
		gone[l.Key] = true
	}
	for l := range t.All() {
		if _, exists := w.Inventory.Guests[l.Owner.VMID]; !exists && !l.Owner.IsZero() && !gone[l.Key] && l.State != lease.Offered {
			out = append(out, Verdict{Lease: l, Why: "missing, but not for 24 hours yet"})
		}
	}
	return out
}

// askFor probes for the addresses of gone guests, network by network.
func (r *run) askFor(ctx context.Context, gone []lease.Lease) []Verdict {
	verdicts := make([]Verdict, 0, len(gone))
	ports := map[probe.Place]port{}
	defer func() {
		for _, p := range ports {
			p.Close()
		}
	}()
	for len(gone) > 0 {
		n := 1
		for n < min(perWindow, len(gone)) && gone[n].Segment == gone[0].Segment {
			n++
		}
		batch := gone[:n]
		gone = gone[n:]
		at := probe.Place{Bridge: batch[0].Segment.Bridge, Tag: batch[0].Segment.Tag}
		if _, open := ports[at]; !open {
			ports[at] = r.listen(ctx, at)
		}
		verdicts = append(verdicts, judge(ctx, ports[at], batch)...)
	}
	return verdicts
}

// listen opens a network. Other nodes learn first where the probes come from:
// a start would step aside for a prober that it doesn't know.
func (r *run) listen(ctx context.Context, at probe.Place) port {
	w, closed, err := r.Open(at)
	if err == nil && !r.opt.DryRun {
		known := &port{Wire: w, closed: closed}
		err = r.Ledger.Update(ctx, func(t *lease.Table) error { t.Known(r.Env.Name, r.Env.Version, known.prober()); return nil })
		if errors.Is(err, ledger.ErrFull) {
			err = nil // there will be room for a name when what is asked for is gone
		}
		if err != nil {
			w.Close()
		}
	}
	return port{Wire: w, closed: closed, blind: err}
}

// judge asks for a few addresses in one window.
func judge(ctx context.Context, wire port, batch []lease.Lease) (out []Verdict) {
	q := probe.Question{Pace: pace(nil)}
	for _, l := range batch {
		q.Candidates = append(q.Candidates, l.Addr)
	}
	res, err := wire.Ask(ctx, q)
	answers := map[netip.Addr]probe.Answer{}
	for _, a := range res.Answers {
		answers[a.Addr] = a
	}
	for _, l := range batch {
		v := Verdict{Lease: l}
		switch a := answers[l.Addr]; {
		case err != nil:
			v.Why = err.Error()
		case a.Verdict == probe.Free:
			v.Freed, v.Why = true, "its guest is gone and nobody answers"
		case a.Verdict == probe.Unknown:
			v.Why = "its guest is gone, but the network can't tell: " + a.Reason
		default:
			v.Why = "its guest is gone, but somebody uses the address"
		}
		out = append(out, v)
	}
	return out
}

// reclaim ends the leases found free, each only if nothing has changed since
// it was judged, and then notes who is missing.
func (r *run) reclaim(ctx context.Context, verdicts []Verdict) error {
	inv, err := r.Inventory(ctx)
	if err != nil {
		return err
	}
	w := r.world(inv)
	err = r.Ledger.Update(ctx, func(t *lease.Table) error {
		for i := range verdicts {
			if v := &verdicts[i]; v.Freed && !t.Reclaim(w, v.Lease) {
				v.Freed, v.Why = false, "it changed meanwhile"
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		if v.Freed {
			r.remember(v.Lease, "reclaimed", v.Why)
		}
	}
	return r.Ledger.Update(ctx, func(t *lease.Table) error { t.NoteMissing(w); return nil })
}
