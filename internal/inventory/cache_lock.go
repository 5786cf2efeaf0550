package inventory

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"pve-iplease/internal/filelock"
	"pve-iplease/internal/lease"
)

// turnPatience is how long others are waited for. A turn takes milliseconds, and
// saves work, no more: who doesn't get one goes on without.
const turnPatience = 2 * time.Second

// ReadInTurn is Read for a guest's start, of which there may be hundreds at once.
func (r *Reader) ReadInTurn(ctx context.Context) (lease.Inventory, error) {
	defer r.cache.turn(ctx)()
	return r.Read(ctx)
}

// turn waits until fewer processes of this node read configs than keep its
// processors busy, two for each, since half of the time a reader waits for
// pmxcfs; the place is kept until done is called. Hundreds at once would take
// turns anyway, by the scheduler's clock, each with less in the caches and with
// more configs that change while it reads.
func (c cache) turn(ctx context.Context) (done func()) {
	ctx, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	return c.take(ctx, ".turn."+strconv.Itoa(os.Getpid()%(2*runtime.NumCPU())))
}

// lockPatience is how long another process may read before everybody reads for
// himself; 2,000 configs take half a second.
const lockPatience = 5 * time.Second

// lock keeps other processes of this node from reading configs for the cache
// at the same time.
func (c cache) lock(ctx context.Context) (unlock func()) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	return c.take(ctx, ".lock")
}

// take takes a lock beside the cache. Who doesn't get it goes on without: it
// saves nothing but work.
func (c cache) take(ctx context.Context, suffix string) (release func()) {
	if c == "" {
		return func() {}
	}
	_ = os.MkdirAll(filepath.Dir(string(c)), 0o700)
	l, err := filelock.Take(ctx, string(c)+suffix)
	if err != nil {
		return func() {}
	}
	return func() { _ = l.Close() }
}
