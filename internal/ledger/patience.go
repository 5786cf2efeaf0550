package ledger

import (
	"context"
	"fmt"
	"time"
)

// Wait is a wait for the ledger's lock that goes on.
type Wait struct {
	For   time.Duration // so far
	Held  string        // who keeps the lock, and since when, as far as that can be told
	Alive bool          // whoever keeps it lives: a lock of the kernel's ends with its holder
}

// Patience is asked at times whether a writer goes on waiting for the lock.
type Patience struct {
	Every time.Duration
	// More gives an error when it is to wait no longer, which is then the cause of
	// an ErrLocked. It may take a while, and put the context's deadline off.
	More func(Wait) error
}

type patienceKey struct{}

// WithPatience has writers ask while they wait. Without it they wait for as long
// as the context allows.
func WithPatience(ctx context.Context, p Patience) context.Context {
	return context.WithValue(ctx, patienceKey{}, p)
}

// Queue is a writer's wait for the lock. A store asks it while it waits.
type Queue struct {
	ctx     context.Context
	p       Patience
	reserve time.Duration
	alive   bool
	began   time.Time
	next    time.Time // when patience is to be asked
}

// NewQueue begins a wait that leaves the reserve of the context's time.
func NewQueue(ctx context.Context, reserve time.Duration) *Queue {
	q := &Queue{ctx: ctx, reserve: reserve, began: time.Now()}
	q.p, _ = ctx.Value(patienceKey{}).(Patience)
	q.next = q.began.Add(q.p.Every)
	return q
}

// Ask reports by its error that the wait is over in vain, and says how long to
// wait at most before it is asked again. held tells who keeps the lock.
func (q *Queue) Ask(held func() string) (more time.Duration, err error) {
	if q.p.More != nil && !time.Now().Before(q.next) {
		q.next = q.next.Add(q.p.Every)
		if err := q.p.More(Wait{For: time.Since(q.began), Held: held(), Alive: q.alive}); err != nil {
			return 0, err
		}
	}
	if err := enough(q.ctx, q.reserve); err != nil {
		return 0, err
	}
	more = time.Hour
	if q.p.More != nil {
		more = time.Until(q.next)
	}
	if end, limited := q.ctx.Deadline(); limited {
		more = min(more, time.Until(end)-q.reserve+time.Millisecond)
	}
	return max(more, 0), nil
}

// enough reports whether there is time for a call that may block while the
// cluster decides about its quorum.
func enough(ctx context.Context, reserve time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline, limited := ctx.Deadline()
	if left := time.Until(deadline); limited && left < reserve {
		return fmt.Errorf("%w: writing may take %v and %v are left; raise 'deadline' in node.cfg to wait longer",
			context.DeadlineExceeded, reserve, left.Round(time.Millisecond))
	}
	return nil
}
