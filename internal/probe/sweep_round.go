package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// bothAsked is how many rounds ask also for addresses that have answered:
	// when two hosts have one, the reply of either may be lost.
	bothAsked = 2
	// sweepLag, and so many packets, are how far a sweep may be late and make up
	// for it. After a longer stall the packets keep their distance: a burst would
	// lose answers.
	sweepLag   = 100 * time.Millisecond
	sweepBurst = 256
	// sweepBatch is after how many packets without a pause answers are read.
	sweepBatch = 64
	// progressEvery is how often progress is told.
	progressEvery = 100 * time.Millisecond
)

// rounds asks until every silent address was asked for in as many rounds as
// the pace says in which nothing was lost. A loss spoils its round, and the one
// before, whose late answers may be among what was lost; one more round than
// planned makes up for it. After that the loss is the error.
func (p *Port) rounds(ctx context.Context, c *crowd) error {
	if err := p.drain(ctx, c); err != nil {
		return err
	}
	if _, err := p.wire.lost(); err != nil { // what was lost before counts no more
		return fmt.Errorf("drops on %s: %w", p.name, errno(err))
	}
	whole, trouble := 0, error(nil)
	for n := 0; whole < c.pace.Rounds && n <= c.pace.Rounds && ctx.Err() == nil; n++ {
		c.plan(n, whole)
		err := p.round(ctx, c, whole == c.pace.Rounds-1)
		if err == nil {
			whole++
			continue
		}
		whole, trouble = max(0, whole-1), err
	}
	if whole >= c.pace.Rounds {
		return nil
	}
	return trouble
}

// round asks for what is planned, and listens: after the last round as long as
// an answer may take, else until the next may begin. Its error is why an answer
// may be missing.
func (p *Port) round(ctx context.Context, c *crowd, last bool) error {
	began := time.Now()
	trouble := p.volley(ctx, c)
	until := began.Add(c.pace.Gap)
	if last || trouble != nil {
		until = latest(until, time.Now().Add(c.pace.Wait))
	}
	for _, step := range []func() error{
		func() error { return p.listen(ctx, c, until) },
		func() error { return p.drain(ctx, c) },
		func() error { return p.drops(c.trail, filterSpec{}) },
	} {
		trouble = cmp.Or(trouble, step())
	}
	return trouble
}

// volley sends the packets of a round at an even pace.
func (p *Port) volley(ctx context.Context, c *crowd) error {
	var trouble error
	due, lag := time.Now(), min(sweepLag, sweepBurst*c.pace.interval())
	for i, a := range c.next {
		if ctx.Err() != nil {
			return nil
		}
		turn, err := p.turn(ctx, time.Until(due))
		if err != nil {
			return err
		}
		due = latest(due, turn)
		if i%sweepBatch == 0 {
			if err := p.drain(ctx, c); err != nil {
				return err
			}
			c.tell(len(c.next) - i)
		}
		if err := p.awaitTurn(ctx, &due, turn, func() error { return p.listen(ctx, c, due) }); err != nil {
			return err
		}
		if err := p.knock(c, a); err != nil {
			trouble = cmp.Or(trouble, err)
			if !errors.Is(err, unix.ENOBUFS) { // which passes
				return trouble
			}
		}
		due = latest(due.Add(c.pace.interval()), time.Now().Add(-lag))
	}
	return trouble
}

// knock sends one probe of a sweep.
func (p *Port) knock(c *crowd, a netip.Addr) error {
	frame, err := probeFrame(p.mac, a)
	if err != nil {
		return err
	}
	c.probing = c.probing || a == c.sweep.Gateway
	if err := p.wire.send(frame); err != nil {
		return fmt.Errorf("sending on %s: %w", p.name, errno(err))
	}
	c.sent++
	return nil
}
