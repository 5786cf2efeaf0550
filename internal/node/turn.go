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

// turnPatience is how long others are waited for. A turn takes milliseconds, and
// saves work, no more: who doesn't get one goes on without.
const turnPatience = 2 * time.Second

// Turn waits until fewer starts of this node are at work than it has
// processors; the place is kept until done is called. Hundreds at once would
// take turns anyway, by the scheduler's clock, and the one that all others wait
// for, since it has the ledger's lock, would be one of hundreds. Here who waits
// longest comes first (flock(2) queues), so that those who have yet to claim
// come before those whose window is over. crowd reports whether there were
// others.
func (h *Host) Turn(ctx context.Context) (done func(), crowd bool) {
	ctx, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	path := h.Path("/run/pve-iplease/turn." + strconv.Itoa(os.Getpid()%runtime.NumCPU()))
	_ = os.MkdirAll(filepath.Dir(path), 0o700)
	place := flock.New(path)
	free, err := place.TryLock()
	if !free && err == nil {
		crowd = true
		place, err = filelock.Take(ctx, path)
	}
	if err != nil {
		return func() {}, crowd
	}
	return func() { _ = place.Close() }, crowd
}
