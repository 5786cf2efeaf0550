package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pve-iplease/internal/lease"
)

// Rebuild puts what f returns in the place of a ledger that is damaged or
// belongs to another cluster, under the lock and as a newer generation than
// any seen there. What was stored is kept beside it, in so many files whose
// names end in .bad- and now. If the ledger turns out to be good, because
// another process was faster, f isn't called and nothing is written.
func (l *Ledger) Rebuild(ctx context.Context, now time.Time, f func() (*lease.Table, error)) (kept int, err error) {
	w, err := l.store.Lock(ctx)
	if err != nil {
		return 0, untouched(err)
	}
	defer l.unlock(w)
	r, err := l.read(ctx, nil)
	switch {
	case err == nil:
		return 0, nil
	case !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign):
		return 0, untouched(err)
	}
	if r.table, err = f(); err != nil {
		return 0, err
	}
	r.leases = r.table.Len() // all of them are old
	suffix := now.UTC().Format("bad-20060102T150405Z")
	for i, s := range r.slots {
		r.table.Generation = max(r.table.Generation, claimed(s.Data))
		if err := w.Keep(ctx, i, suffix); err != nil {
			return kept, untouched(fmt.Errorf("the damaged ledger cannot be kept as %s.%s: %w", s.Name, suffix, err))
		}
		if len(s.Data) > 0 {
			kept++
		}
	}
	return kept, l.write(ctx, w, r)
}
