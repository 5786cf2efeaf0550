package hook_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pve-iplease/internal/ledger"
)

// holder is the right to write.
type holder struct {
	*process
	since, proved, asked time.Time
	doubt                bool
	freed                func()
}

// Lock implements ledger.Store.
func (p *process) Lock(ctx context.Context) (ledger.Writer, error) {
	n := p.n
	q := ledger.NewQueue(ctx, reserved)
	for free := false; !free; {
		more, err := q.Ask(func() string { return "another process of this node" })
		if err != nil {
			return nil, fmt.Errorf("%w: another process kept it: %w", ledger.ErrLocked, err)
		}
		wait, cancel := context.WithTimeout(ctx, more)
		free = p.a.Await(wait, "waits for the node's lock", func() bool { return n.flock == nil })
		cancel()
	}
	n.flock = p.a
	h := &holder{process: p, freed: func() {
		if n.flock == p.a {
			n.flock = nil
		}
	}}
	p.a.OnExit(h.freed)
	if err := h.acquire(ctx, q); err != nil {
		h.freed()
		return nil, err
	}
	if err := h.prepare(ctx); err != nil {
		return nil, errors.Join(err, h.Unlock())
	}
	return h, nil
}

func (h *holder) acquire(ctx context.Context, q *ledger.Queue) error {
	h.a.At("looks for the marker, and leaves one")
	h.doubt, h.n.marker = h.n.marker, true
	h.asked = time.Now()
	err := h.compete(ctx, q)
	if err != nil && !h.doubt {
		h.n.marker = false
	}
	return err
}

func (h *holder) compete(ctx context.Context, q *ledger.Queue) error {
	for {
		if _, err := q.Ask(func() string { return "another node" }); err != nil {
			return fmt.Errorf("%w: the lock directory is taken: %w", ledger.ErrLocked, err)
		}
		if ours, err := h.attempt(); ours || err != nil {
			return err
		}
		pause, cancel := context.WithTimeout(ctx, lockAsk)
		h.a.Await(pause, "waits for the lock directory", func() bool { return !h.truth.lock.held })
		cancel()
	}
}

// mkdir makes the lock directory, unless it is there.
func (h *holder) mkdir() (made bool, err error) {
	now := time.Now()
	ok := h.change(h.n, func(e *etcPVE) {
		if made = !e.lock.held; made {
			e.lock = lockDir{held: true, node: h.n.name, since: now}
		}
	})
	if !ok {
		return false, fmt.Errorf("the ledger cannot be locked: %w", ledger.ErrNoQuorum)
	}
	return made, nil
}

func (h *holder) attempt() (bool, error) {
	h.since = time.Now()
	h.a.At("makes the lock directory")
	unknown := h.a.Rand().Float64() < h.flaky
	if unknown && h.a.Rand().IntN(2) == 0 {
		h.doubt = true
		return false, nil
	}
	free := !h.truth.lock.held
	if !free {
		return h.occupied()
	}
	if _, err := h.mkdir(); err != nil {
		return false, err
	}
	h.proved = h.since
	h.doubt = h.doubt || unknown
	return !unknown, nil
}

func (h *holder) occupied() (bool, error) {
	due := time.Since(h.asked) >= lockAsk
	if h.doubt || due {
		err := h.prove()
		if err == nil {
			return true, nil
		}
		h.doubt = false
	}
	if due {
		h.a.At("asks for the lock's expiry")
		h.asked = time.Now()
		now := time.Now()
		h.change(h.n, func(e *etcPVE) {
			if e.lock.held && now.Sub(e.lock.since) > lockTimeout {
				e.lock = lockDir{}
			}
		})
	}
	if !h.n.quorate {
		return false, fmt.Errorf("%w: read-only", ledger.ErrNoQuorum)
	}
	return false, nil
}

// prove renews the directory, which only the node that made it may.
func (h *holder) prove() error {
	now := time.Now()
	h.a.At("renews the lock directory")
	switch l := h.truth.lock; {
	case !h.n.quorate, l.held && l.node != h.n.name:
		return errHeld
	case !l.held:
		return errGone
	}
	renewed := time.Now()
	h.change(h.n, func(e *etcPVE) { e.lock.since = renewed })
	h.proved = now
	return nil
}

func (h *holder) enough(ctx context.Context) error {
	end, limited := ctx.Deadline()
	if limited && time.Until(end) < reserved {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// Unlock implements ledger.Writer.
func (h *holder) Unlock() error {
	defer h.freed()
	if time.Since(h.proved) > lockExpiry {
		return errors.New("it may be another node's by now")
	}
	h.a.At("removes the lock directory")
	if !h.change(h.n, func(e *etcPVE) { e.lock = lockDir{} }) {
		return ledger.ErrNoQuorum
	}
	h.a.At("removes the marker")
	h.n.marker = false
	return nil
}
