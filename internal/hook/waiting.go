package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// Who waits how long for the ledger's lock. While a start waits, Proxmox's start
// order waits with it, and whoever needs the guest's config, so that nobody
// waits longer than he must; and who has no other way waits out a holder that
// was killed, since waiting is cheaper than refusing. The lock is held for some
// 30 ms a change, by one node of the cluster at a time.
const (
	// renewalWait is for a start whose lease is safe without the lock: it goes on,
	// and its lease is bound by the next process of this node that writes.
	renewalWait = 10 * time.Second
	// holderWait is for a fresh or changed address. pmxcfs removes the lock of a
	// node that is gone when it is 120 s old (CFS_LOCK_TIMEOUT in memdb.c) and
	// somebody asks, which we do every 2 s, and then a write can block for 15 s.
	holderWait = 140 * time.Second
	// stopWait is for a post-stop: its lease stays bound, which is harmless.
	stopWait = 5 * time.Second
	// bindWait is for a post-start that binds what a start without the lock could
	// not: the start ends with it, and others bind it later.
	bindWait = time.Second
	// tellEvery is how often the task log hears of it.
	tellEvery = 10 * time.Second
	// holdLeft is what must be left of a stopped guest's hold on its address when
	// it is to start without the lock.
	holdLeft = time.Hour
)

// queue is a start's wait for the lock. What it waits is not taken from its
// deadline.
type queue struct {
	*run
	ctx     context.Context
	began   time.Time
	granted time.Duration // what the deadline was put off
	safe    func() bool   // it may go on without the lock
}

// inQueue is the context to wait with.
func (r *run) inQueue(ctx context.Context, safe func() bool) (*queue, context.Context) {
	q := &queue{run: r, ctx: ctx, began: time.Now(), safe: safe}
	q.grant(tellEvery)
	return q, ledger.WithPatience(ctx, ledger.Patience{Every: tellEvery, More: q.more})
}

// grant puts the deadline off by so much in all.
func (q *queue) grant(d time.Duration) {
	putOff(q.ctx, d-q.granted)
	q.granted = d
}

// over is the end of the wait.
func (q *queue) over() {
	if q.granted != 0 {
		q.grant(min(q.granted, time.Since(q.began)))
		q.granted = 0
	}
}

// more decides whether the wait goes on.
func (q *queue) more(w ledger.Wait) error {
	stop := q.stopped(q.ctx)
	q.rest() // others of this node may work meanwhile
	switch {
	case stop != nil:
		return stop
	case w.For >= holderWait, w.Alive && w.For >= renewalWait:
		return fmt.Errorf("waited for %v", w.For.Round(time.Second))
	case w.For >= renewalWait && q.safe():
		return errors.New("a lease that nobody else can get waits no longer")
	}
	q.info("%s waits for the ledger, %v by now: %s", pve.Owner{Kind: q.kind(), VMID: q.id}.Guest(), w.For.Round(time.Second), w.Held)
	q.grant(w.For + tellEvery)
	return nil
}

// briefly is for what can be left undone.
func briefly(ctx context.Context, wait time.Duration) context.Context {
	return ledger.WithPatience(ctx, ledger.Patience{Every: wait, More: func(w ledger.Wait) error {
		return fmt.Errorf("waited for %v", w.For.Round(time.Second))
	}})
}

// safeWithout reports whether nobody else can get the addresses that these
// needs are to keep, though the ledger can't be changed now: by the ledger, read
// without lock, each is its owner's for the next hour at least, and no other
// config names it.
func (r *run) safeWithout(ctx context.Context, w lease.World, assignments []*assignment) bool {
	t, err := r.Ledger.View(ctx)
	if err != nil || r.opt.Move || r.phase != PreStart {
		return false
	}
	soon := w
	soon.Now = w.Now.Add(holdLeft)
	return !slices.ContainsFunc(assignments, func(tr *assignment) bool {
		k := tr.key(r.Env.Name)
		owns := func(l lease.Lease) bool { return l.Owner == tr.owner && l.Living() }
		return !tr.current().IsValid() || !slices.ContainsFunc(t.At(k), owns) ||
			cmp.Or(t.Foreign(soon, k, tr.owner), t.Lapsed(soon, k, tr.owner), w.NamedByOthers(k, tr.owner)) != ""
	})
}
