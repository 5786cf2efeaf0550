package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"pve-iplease/internal/filelock"
)

// lockFile waits for a lock of this node as long as the queue's patience lasts.
func lockFile(ctx context.Context, path string, q *Queue) (*flock.Flock, error) {
	const held = "other processes of this node are before us in the queue for the ledger's lock"
	var over error
	f, err := filelock.TakeWhile(ctx, path, func() (more time.Duration, _ error) {
		more, over = q.Ask(func() string { return held })
		return more, over
	})
	switch {
	case err == nil:
		return f, nil
	case over != nil, ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrLocked, held, err)
	}
	return nil, fmt.Errorf("the ledger cannot be locked: %w", err)
}
