// Package filelock waits for a file's flock(2) in the kernel's queue.
package filelock

import (
	"context"

	"github.com/gofrs/flock"
)

// Take takes an exclusive flock, creating the file with mode 0600. It waits in
// the kernel's queue, since asking again and again would favour whoever comes
// late, and keep the processors busy when hundreds wait. The kernel can't be
// told to give up, so after ctx ended, which is the error, the wait goes on in
// the background, and what it gets is given back. Other errors are those of
// open(2) and flock(2).
func Take(ctx context.Context, path string) (*flock.Flock, error) {
	f := flock.New(path)
	got := make(chan error, 1)
	go func() { got <- f.Lock() }()
	select {
	case err := <-got:
		if err != nil {
			return nil, err
		}
		return f, nil
	case <-ctx.Done():
		go func() {
			if <-got == nil {
				f.Close()
			}
		}()
		return nil, ctx.Err()
	}
}
