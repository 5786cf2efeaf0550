package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"pve-iplease/internal/pve"
)

// Ask runs one window: it probes all candidates and the gateway side by side
// and returns when each candidate is taken, or at the window's end. A further
// window of the same port begins a second after the one before; where that one
// found all taken, as soon as switches bear its first packets. What cannot be
// told is a verdict, not an error: errors are a question that makes no sense,
// and the end of ctx.
func (p *Port) Ask(ctx context.Context, q Question) (Result, error) {
	if err := q.check(); err != nil {
		return Result{}, err
	}
	if err := pause(ctx, p.affordable(q)); err != nil {
		return Result{}, err
	}
	began := time.Now()
	w := newWindow(q, p.mac)
	w.guest = p.guest
	if len(q.Gone) > 0 {
		w.lingers = p.await(ctx, q.Gone)
	}
	t := w.topic()
	w.hears = t.size()
	done, deafness := p.listenTo(t)
	defer done()
	before := p.lookBefore() // not beside the first probes: what is seen late may have begun late
	w.trail = p.trail(before.view)
	defer w.trail.rest()
	resident := before.suppressed() && p.settleIn(w)
	trouble := cmp.Or(deafness, p.run(ctx, w))
	if !w.over() {
		p.budget.pausedFrom(began)
	}
	trouble = cmp.Or(trouble, p.accost(ctx, w))
	if resident {
		trouble = cmp.Or(trouble, p.recall(w))
	}
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("probing on %s: %w", p.name, context.Cause(ctx))
	}
	return p.conclude(w, before, resident, trouble), nil
}

// check refuses what nobody can ask for.
func (q Question) check() error {
	for _, a := range q.Candidates {
		if !askable(a) {
			return fmt.Errorf("%s is no address of a host; nobody can be asked for it", a)
		}
	}
	for _, g := range q.Gateways {
		if !askable(g.Addr) {
			return fmt.Errorf("gateway %s is no address of a host; nobody can be asked for it", g.Addr)
		}
	}
	if q.Pace.Probes < 1 || q.Pace.Wait <= 0 || q.Pace.Interval < q.Pace.Jitter {
		return errors.New("a pace needs at least one probe, a time to wait, and a jitter smaller than the interval")
	}
	return nil
}

// askable tells an address that one host can have.
func askable(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast()
}

// spent is the budget that a packet for the address comes out of: switches
// count ARP, and what IPv6 has instead, each by itself.
func (p *Port) spent(a netip.Addr) *budget {
	if a.Is6() {
		return &p.budget6
	}
	return &p.budget
}

// affordable is the earliest moment for a window's first packets, one for each
// address.
func (p *Port) affordable(q Question) time.Time {
	of := map[*budget]int{}
	for _, a := range q.Candidates {
		of[p.spent(a)]++
	}
	for _, g := range q.Gateways {
		of[p.spent(g.Addr)]++
	}
	return latest(p.budget.round(of[&p.budget]), p.budget6.round(of[&p.budget6]))
}

// timerLag is how late a timer is on an idle host. So much is made up for;
// after a longer stall the probes keep their distance.
const timerLag = 2 * time.Millisecond

// run sends what is planned and listens. Its error is a reason for doubt; the
// first one counts, and only one that makes the socket deaf ends the window.
func (p *Port) run(ctx context.Context, w *window) error {
	if err := p.drain(ctx, w); err != nil {
		return err
	}
	if _, err := p.wire.lost(); err != nil { // what was lost before counts no more
		return fmt.Errorf("drops on %s: %w", p.name, errno(err))
	}
	p.attend(w, joinGroup)
	defer p.attend(w, leaveGroup)
	trouble := p.attune(ctx, w)
	planned := plan(w.question, p.off)
	turns, err := p.turns(ctx, planned)
	if err != nil {
		return err
	}
	due := time.Now()
	for i, s := range planned {
		w.planned = planned[i:]
		due = latest(latest(due.Add(s.after), turns[i]), p.spent(s.addr).packets(1))
		if err := p.awaitTurn(ctx, &due, turns[i], func() error { return p.hearOut(ctx, w, due) }); err != nil || w.over() {
			return cmp.Or(trouble, err)
		}
		trouble = cmp.Or(trouble, p.narrow(w))
		due = latest(due, time.Now().Add(-timerLag))
		if w.needless(s.addr) {
			continue
		}
		trouble = cmp.Or(trouble, p.ask(w, s.addr, w.from(s.asGuest)))
	}
	err = cmp.Or(p.hearOut(ctx, w, time.Now().Add(w.question.Pace.Wait)), p.drain(ctx, w))
	if w.stirred { // at the very last: who that was is found out yet
		err = cmp.Or(err, p.hearOut(ctx, w, time.Now().Add(w.question.Pace.Wait)), p.drain(ctx, w))
	}
	return cmp.Or(trouble, err, p.drops(w.trail, w.topic()))
}

// grace is how long the ear stays open at least, for answers to what was asked
// beside the gateway.
const grace = 5 * time.Millisecond

// hearOut hears what comes until a moment, or until nothing can change, and
// follows up who spoke.
func (p *Port) hearOut(ctx context.Context, w *window, until time.Time) (trouble error) {
	for {
		trouble = cmp.Or(trouble, p.attune(ctx, w))
		stop := until
		if w.ingressIdle() {
			stop = earliest(until, w.trail.since.Add(grace))
		}
		if err := p.listen(ctx, w, stop); err != nil {
			return cmp.Or(trouble, err)
		}
		if w.ingressIdle() && time.Since(w.trail.since) >= grace {
			w.trail.rest()
		}
		if w.over() || ctx.Err() != nil || !w.stirred && !time.Now().Before(until) {
			return trouble
		}
	}
}

// attune opens the ear when there is a port to find out, and asks again who
// answered before it was open.
func (p *Port) attune(ctx context.Context, w *window) (trouble error) {
	w.stirred = false
	if w.trail != nil && !w.trail.open && w.curious() {
		trouble = p.openIngress(ctx, w)
	}
	for s, far := range w.unseen {
		if far != toAsk {
			continue
		}
		w.unseen[s] = toHear
		if !s.rival && !p.spent(s.addr).packets(1).After(time.Now()) && p.mayAsk(ctx, w, s.addr) {
			trouble = cmp.Or(trouble, p.ask(w, s.addr, w.from(false)))
		}
	}
	return trouble
}

// ingressIdle reports whether the ear is open for nothing.
func (w *window) ingressIdle() bool { return w.trail != nil && w.trail.open && !w.curious() }

// openIngress opens the ear; where it can't be, ports are unknown.
func (p *Port) openIngress(ctx context.Context, w *window) error {
	f, err := program(w.topic(), nil)
	if err == nil {
		w.trail.listen(f)
	}
	if !w.trail.open {
		w.trail = nil
		clear(w.unseen)
		return nil
	}
	w.trail.young = true
	err = p.drain(ctx, w)
	w.trail.young, w.stirred = false, false
	return err
}

// ask sends one probe.
func (p *Port) ask(w *window, a netip.Addr, from pve.MAC) error {
	frame, err := questionFrame(from, w.senders[a], a)
	if err != nil {
		return err
	}
	w.asked[a] = true
	if len(w.users[a]) > 0 {
		w.again[a]++
	}
	p.spent(a).spend(time.Now())
	if err := p.wire.send(frame); err != nil {
		return fmt.Errorf("sending on %s: %w", p.name, errno(err))
	}
	w.sent++
	return nil
}

// listener takes in what is heard: a window, or the crowd of a sweep.
type listener interface {
	hear(frame []byte)
	settled() bool // there is something else to do, or listening on changes nothing
}

// listen hears what comes until a moment, or until all is settled.
func (p *Port) listen(ctx context.Context, w listener, until time.Time) error {
	for !w.settled() && time.Now().Before(until) && ctx.Err() == nil {
		frame, err := p.wire.receive(ctx, until)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return fmt.Errorf("listening on %s: %w", p.name, errno(err))
		}
		w.hear(frame)
	}
	return nil
}

// maxWaiting is how many frames a full receive buffer can hold, and more.
const maxWaiting = 1 << 15

// drain hears what has come already, however late we are.
func (p *Port) drain(ctx context.Context, w listener) error {
	for range maxWaiting {
		frame, err := p.wire.receive(ctx, time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listening on %s: %w", p.name, errno(err))
		}
		w.hear(frame)
	}
	return fmt.Errorf("more packets come in on %s than can be read", p.name)
}

// drops turns frames that were lost on the way to us into a doubt, which names
// the port that most of what is heard comes from.
func (p *Port) drops(of *trail, t filterSpec) error {
	n, err := p.wire.lost()
	if err != nil {
		return fmt.Errorf("drops on %s: %w", p.name, errno(err))
	}
	if n == 0 {
		return nil
	}
	f, err := program(t, nil)
	if err != nil {
		of = nil
	}
	return fmt.Errorf("the kernel dropped %d packets on %s before they were read%s", n, p.name, of.loudest(f))
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pause waits for a moment that may have passed already.
func pause(ctx context.Context, until time.Time) error {
	wait := time.Until(until)
	if wait <= 0 {
		return nil
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the next round of probes: %w", context.Cause(ctx))
	}
}
