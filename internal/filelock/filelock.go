// Package filelock waits for a file's flock(2) in the kernel's queue.
package filelock

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Take takes an exclusive flock, creating the file with mode 0600. It waits in
// the kernel's queue, since asking again and again would favour whoever comes
// late, and keep the processors busy when hundreds wait. The kernel can't be
// told to give up, so after ctx ended, which is the error, the wait goes on in
// the background, and what it gets is given back. Other errors are those of
// open(2) and flock(2).
func Take(ctx context.Context, path string) (*flock.Flock, error) {
	return TakeWhile(ctx, path, func() (time.Duration, error) { return time.Hour, ctx.Err() })
}

// TakeWhile is Take that keeps its place in the queue while patience gives no
// error: it says how long to wait before it is asked again.
func TakeWhile(ctx context.Context, path string, patience func() (time.Duration, error)) (*flock.Flock, error) {
	f := flock.New(path)
	got := make(chan error, 1)
	go func() { got <- f.Lock() }()
	for {
		more, err := patience()
		if err == nil {
			select {
			case err := <-got:
				if err != nil {
					return nil, err
				}
				return f, nil
			case <-time.After(more):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		go func() {
			if <-got == nil {
				f.Close()
			}
		}()
		return nil, err
	}
}

// Within takes a lock that saves work and no more: who doesn't get it in time, or
// can't make it, goes on without, and its release does nothing. The directory is
// made with mode 0700.
func Within(ctx context.Context, patience time.Duration, path string) (release func()) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = os.MkdirAll(filepath.Dir(path), 0o700)
	l, err := Take(ctx, path)
	if err != nil {
		return func() {}
	}
	return func() { _ = l.Close() }
}
