package ledger

import (
	"context"
	"errors"
	"fmt"

	"pve-iplease/internal/lease"
)

// Ledger is the lease table that all nodes of a cluster share. Its methods
// may be called from many goroutines and processes at once.
type Ledger struct {
	store   Store
	cluster string
	note    func(string)
}

// New makes a ledger of a store. cluster is the name of the cluster that this
// node belongs to, empty for a host of its own; a ledger without a name
// becomes that cluster's with the next write.
func New(s Store, cluster string) *Ledger {
	return &Ledger{store: s, cluster: cluster, note: func(string) {}}
}

// View reads the table without a lock; what it returns was in force at some
// time during the call. Where no ledger was created yet the table is empty
// and its generation 0. Errors wrap ErrDamaged, ErrNewer or ErrForeign, or
// say why it could not be read.
func (l *Ledger) View(ctx context.Context) (*lease.Table, error) {
	r, err := l.read(ctx, nil)
	if err != nil {
		return nil, err
	}
	return r.table, nil
}

// Update changes the table under the lock: it reads, calls f, and stores the
// result as the next generation. When f changes nothing, nothing is written;
// an error of f is returned as it is, and nothing is written either. f must
// not wait for anything: the whole cluster may be waiting for it.
func (l *Ledger) Update(ctx context.Context, f func(*lease.Table) error) error {
	was := l.memorize(ctx)
	w, err := l.store.Lock(ctx)
	if err != nil {
		return untouched(err)
	}
	defer l.unlock(w)
	r, err := l.read(ctx, was)
	if err != nil {
		return untouched(err)
	}
	if err := f(r.table); err != nil || !r.table.Changed() {
		return err
	}
	if err := ctx.Err(); err != nil {
		return untouched(fmt.Errorf("stopped before the ledger was written: %w", err))
	}
	return l.write(ctx, w, r)
}

// write stores a table as the generation after the one that was read.
func (l *Ledger) write(ctx context.Context, w Writer, r reading) error {
	r.table.Cluster = l.cluster
	r.table.Generation++
	data, err := encode(r.table, r.was)
	if err == nil {
		err = r.roomFor(len(data))
	}
	if err != nil {
		return untouched(err)
	}
	return w.Write(ctx, r.slots, r.target(), data)
}

// kept is what new leases leave of the longest file: the room in which those
// that are there can still be released, noted as missing and made fewer.
const kept = maxFile / 16

// roomFor refuses new leases in a ledger that is full but for what is kept.
func (r reading) roomFor(bytes int) error {
	limited := len(r.slots) > 0 && !r.slots[0].Exact
	if limited && r.table.Len() > r.leases && bytes > maxFile-kept {
		return fmt.Errorf("%w: with another lease it would take %d bytes of the %d that are for leases; run 'pve-iplease reclaim'", ErrFull, bytes, maxFile-kept)
	}
	return nil
}

// unlock gives the lock back. A lock that stays behind hinders others for a
// while at worst, so it is worth a note and no more.
func (l *Ledger) unlock(w Writer) {
	if err := w.Unlock(); err != nil {
		l.note(fmt.Sprintf("the ledger's lock was not given back: %v", err))
	}
}

// errUntouched marks errors whose text says already what is stored.
var errUntouched = errors.New("the ledger is unchanged")

// untouched adds to an error that nothing was written.
func untouched(err error) error { return fmt.Errorf("%w; %w", err, errUntouched) }
