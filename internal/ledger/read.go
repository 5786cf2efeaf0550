package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pve-iplease/internal/lease"
)

// reading is a table and where it came from.
type reading struct {
	table  *lease.Table
	slots  []Slot
	used   int // the slot that the table was in
	leases int // in it when it was read
	was    *memo
}

// target is the slot that the next generation goes to: the oldest.
func (r reading) target() int {
	if len(r.slots) < 2 {
		return 0
	}
	return 1 - r.used
}

// read returns the newest whole table; with an error, what the slots hold. A
// slot that promises to be newer and is not whole may be just about to be
// written: then all is read again, until it is whole or stays as it is.
func (l *Ledger) read(ctx context.Context, was *memo) (reading, error) {
	var last []Slot
	for pause := time.Millisecond; ; pause *= 2 {
		slots, err := l.store.Read(ctx)
		if err != nil {
			return reading{}, err
		}
		r, sure, err := newest(slots, was)
		if sure || same(slots, last) || pause > time.Second {
			return l.accept(r, err)
		}
		last = slots
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return r, fmt.Errorf("reading the ledger was interrupted: %w", ctx.Err())
		}
	}
}

// newest decodes the slot with the highest generation that is whole. It is
// sure of the result unless a slot was passed over that seemed to be newer.
func newest(slots []Slot, was *memo) (r reading, sure bool, err error) {
	if len(slots) == 0 {
		return reading{table: lease.NewTable()}, true, nil
	}
	order := make([]int, len(slots))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(rank(slots[a]), rank(slots[b])) })
	var bad error
	for n, i := range order {
		e, err := slots[i].unwrap()
		if errors.Is(err, ErrNewer) {
			return reading{slots: slots}, true, err
		}
		if err == nil {
			t, err := e.table(was)
			if err != nil {
				err = fmt.Errorf("%s: %w", slots[i].Name, err)
			}
			return reading{table: t, slots: slots, used: i, leases: e.Leases, was: was}, n == 0, err
		}
		bad = errors.Join(bad, err)
	}
	return reading{slots: slots}, false, bad
}

// rank orders slots by the generation that they seem to have. One that has
// something else in it may have been the newest.
func rank(s Slot) uint64 {
	if n := claimed(s.Data); n != 0 || len(s.Data) == 0 {
		return n
	}
	return maxNumber + 1
}

// unwrap checks that the slot holds a whole ledger.
func (s Slot) unwrap() (*envelope, error) {
	if s.Missing {
		return nil, fmt.Errorf("%s: %w: the file is missing", s.Name, ErrDamaged)
	}
	e, err := unwrap(s.Data)
	if err == nil && s.Exact && e.size != len(s.Data) {
		err = fmt.Errorf("%w: something follows its %d bytes", ErrDamaged, e.size)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return e, nil
}

func same(a, b []Slot) bool {
	return slices.EqualFunc(a, b, func(x, y Slot) bool {
		return x.Missing == y.Missing && bytes.Equal(x.Data, y.Data)
	})
}

// accept is the last check of what was read: is it ours?
func (l *Ledger) accept(r reading, err error) (reading, error) {
	if errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%w; run 'pve-iplease repair'", err)
	}
	if err != nil {
		return r, err
	}
	if c := r.table.Cluster; c != "" && c != l.cluster {
		return r, fmt.Errorf("%w: it is that of cluster %q, this node is in %q; run 'pve-iplease repair' to start one here", ErrForeign, c, l.cluster)
	}
	r.table.Cluster = l.cluster
	return r, nil
}
