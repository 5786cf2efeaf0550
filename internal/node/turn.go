package node

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"pve-iplease/internal/filelock"
)

const (
	// turnPatience is how long others are waited for. A turn takes milliseconds,
	// and saves work, no more: who doesn't get one goes on without.
	turnPatience = 2 * time.Second
	// turnShare is the part of the time that is left, one in so many, which may
	// be spent so.
	turnShare = 8
)

// Turn waits until fewer starts of this node are at work than it has
// processors; the place is kept until done is called. Hundreds at once would
// take turns anyway, by the scheduler's clock, and the one that all others wait
// for, since it has the ledger's lock, would be one of hundreds. Who finds no
// place is queued (flock(2)), so that those who have yet to claim mostly come
// before those whose window is over. crowd reports that there was none.
func (h *Host) Turn(ctx context.Context) (done func(), crowd bool) {
	places := runtime.NumCPU()
	dir := h.Path("/run/pve-iplease")
	_ = os.MkdirAll(dir, 0o700)
	place := func(i int) string { return filepath.Join(dir, "turn."+strconv.Itoa((os.Getpid()+i)%places)) }
	for i := range places {
		l := flock.New(place(i))
		if free, err := l.TryLock(); free || err != nil {
			return func() { _ = l.Close() }, false
		}
	}
	patience := turnPatience
	if end, limited := ctx.Deadline(); limited {
		patience = min(patience, time.Until(end)/turnShare)
	}
	return filelock.Within(ctx, patience, place(0)), true
}
