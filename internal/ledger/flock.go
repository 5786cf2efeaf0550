package ledger

import (
	"context"
	"fmt"

	"github.com/gofrs/flock"

	"pve-iplease/internal/filelock"
)

// lockFile waits for a lock of this node as long as ctx allows.
func lockFile(ctx context.Context, path string) (*flock.Flock, error) {
	f, err := filelock.Take(ctx, path)
	switch {
	case err == nil:
		return f, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: another process kept %s until the time was up (%w)", ErrLocked, path, err)
	}
	return nil, fmt.Errorf("the ledger cannot be locked: %w", err)
}
