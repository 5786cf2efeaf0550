package ledger

import (
	"context"
	"fmt"

	"github.com/gofrs/flock"
)

// lockFile takes an exclusive flock, creating the file with mode 0600. It
// waits in the kernel's queue, since asking again and again would favour
// whoever comes late; the kernel can't be told to give up, so after ctx ended
// the wait goes on in the background and what it gets is given back.
func lockFile(ctx context.Context, path string) (*flock.Flock, error) {
	f := flock.New(path)
	got := make(chan error, 1)
	go func() { got <- f.Lock() }()
	select {
	case err := <-got:
		if err != nil {
			return nil, fmt.Errorf("the ledger cannot be locked: %w", err)
		}
		return f, nil
	case <-ctx.Done():
		go func() {
			if <-got == nil {
				f.Close()
			}
		}()
		return nil, fmt.Errorf("%w: another process kept %s until the time was up (%w)", ErrLocked, path, ctx.Err())
	}
}
