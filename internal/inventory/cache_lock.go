package inventory

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"pve-iplease/internal/filelock"
)

// lockPatience is how long another process may read before everybody reads for
// himself; 2,000 configs take half a second.
const lockPatience = 5 * time.Second

// lock keeps other processes of this node from reading configs for the cache
// at the same time. Who doesn't get it goes on without: it saves nothing but
// work.
func (c cache) lock(ctx context.Context) (unlock func()) {
	if c == "" {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	_ = os.MkdirAll(filepath.Dir(string(c)), 0o700)
	l, err := filelock.Take(ctx, string(c)+".lock")
	if err != nil {
		return func() {}
	}
	return func() { _ = l.Close() }
}
