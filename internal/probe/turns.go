package probe

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// turns are the moments that the uplink's budget leaves for a window's packets;
// zero: any.
func (p *Port) turns(ctx context.Context, planned []sending) ([]time.Time, error) {
	turns := make([]time.Time, len(planned))
	var gaps []time.Duration
	gap := time.Duration(0)
	for _, s := range planned {
		if gap += s.after; s.addr.Is4() {
			gaps, gap = append(gaps, gap), 0
		}
	}
	if p.shared == nil || len(gaps) == 0 {
		return turns, nil
	}
	reserved, err := p.shared.reserve(ctx, gaps)
	for i, s := range planned {
		if s.addr.Is4() && err == nil {
			turns[i], reserved = reserved[0], reserved[1:]
		}
	}
	return turns, err
}

// turn is the moment that the uplink's budget leaves for a sweep's next packet,
// which is due in some time; zero: any. One is reserved at a time, so that a
// start need not wait for more.
func (p *Port) turn(ctx context.Context, in time.Duration) (time.Time, error) {
	if p.shared == nil {
		return time.Time{}, nil
	}
	turns, err := p.shared.reserve(ctx, []time.Duration{in})
	if err != nil {
		return time.Time{}, err
	}
	return turns[0], nil
}

// listenUntilTurn listens until a packet for an address, due at a moment, can be
// sent.
func (p *Port) listenUntilTurn(ctx context.Context, w listener, a netip.Addr, due time.Time) error {
	var turn time.Time
	if a.Is4() {
		var err error
		if turn, err = p.turn(ctx, time.Until(due)); err != nil {
			return err
		}
		due = latest(due, turn)
	}
	return p.awaitTurn(ctx, &due, turn, func() error { return p.listen(ctx, w, due) })
}

// mayAsk reports whether the uplink's budget has a packet more for an address
// that somebody has answered for: those that were planned for it are not needed
// then.
func (p *Port) mayAsk(ctx context.Context, w *window, a netip.Addr) bool {
	return p.shared == nil || a.Is6() || slices.ContainsFunc(w.planned, func(s sending) bool { return s.addr == a }) || p.shared.atOnce(ctx)
}

// awaitTurn listens until a packet is due. When it has missed its turn it takes
// another.
func (p *Port) awaitTurn(ctx context.Context, due *time.Time, turn time.Time, listen func() error) error {
	for {
		if err := listen(); err != nil || turn.IsZero() || ctx.Err() != nil || time.Since(turn) <= lateness {
			return err
		}
		next, err := p.turn(ctx, 0)
		if err != nil {
			return err
		}
		turn, *due = next, latest(*due, next)
	}
}
