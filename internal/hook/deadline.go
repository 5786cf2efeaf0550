package hook

import (
	"context"
	"sync"
	"time"
)

// How long who waits for what:
//
//	deadline       what one call may take in all, hooks.d included; node.cfg sets it
//	hookLimit      one program of hooks.d, within that
//	grace          what ends after the deadline, or after SIGTERM, is ended
//	postStopLimit  a post-stop in all, since Proxmox waits for it with everything else
//	patience       for Proxmox's lock on a guest's config
//	reserve        of the deadline is left to the work when a previous run is waited for
//
// For the ledger's lock see waiting.go.

// deadline is a context that ends at a time which can be put off: what a start
// spends in the queue for the ledger's lock is not the work that its deadline is
// for. It ends with its parent, too.
type deadline struct {
	context.Context // the parent: its values, and why it ended
	began           time.Time
	done            chan struct{}

	mu    sync.Mutex
	end   time.Time
	timer *time.Timer
	err   error
}

// WithDeadline bounds a call, and what it waits for the ledger's lock comes on
// top where it has no other way.
func WithDeadline(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	now := time.Now()
	c := &deadline{Context: parent, began: now, end: now.Add(d), done: make(chan struct{})}
	c.mu.Lock() // a timer may end before it is known here
	c.timer = time.AfterFunc(d, func() { c.finish(context.DeadlineExceeded) })
	c.mu.Unlock()
	stop := context.AfterFunc(parent, func() { c.finish(parent.Err()) })
	return c, func() { stop(); c.finish(context.Canceled) }
}

// Deadline implements context.Context.
func (c *deadline) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if end, limited := c.Context.Deadline(); limited && end.Before(c.end) {
		return end, true
	}
	return c.end, true
}

// Done implements context.Context.
func (c *deadline) Done() <-chan struct{} { return c.done }

// Err implements context.Context.
func (c *deadline) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value implements context.Context.
func (c *deadline) Value(key any) any {
	if key == (deadlineKey{}) {
		return c
	}
	return c.Context.Value(key)
}

type deadlineKey struct{}

func (c *deadline) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.timer.Stop()
		close(c.done)
	}
}

// put moves the end; one that has come already stays.
func (c *deadline) put(end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.timer.Stop() {
		c.end = end
		c.timer.Reset(time.Until(end))
	}
}

// allow gives a call at least so much from its beginning.
func allow(ctx context.Context, d time.Duration) {
	if c, ok := ctx.Value(deadlineKey{}).(*deadline); ok {
		if end, _ := c.Deadline(); end.Before(c.began.Add(d)) {
			c.put(c.began.Add(d))
		}
	}
}

// putOff puts the deadline of a call off, if it has one that can be.
func putOff(ctx context.Context, d time.Duration) {
	if c, ok := ctx.Value(deadlineKey{}).(*deadline); ok {
		end, _ := c.Deadline()
		c.put(end.Add(d))
	}
}
