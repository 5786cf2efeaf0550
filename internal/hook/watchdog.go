package hook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// What a call has to come to its end after its deadline, or after it was told to
// stop. A command shows what it has found so far.
const (
	grace        = 2 * time.Second
	CommandGrace = 10 * time.Second
)

// Bound returns what f does, or what late does if f is not over a moment after
// the context's end: a thread may hang in a call to a pmxcfs that doesn't
// answer, and whatever it was told it would not hear. The caller ends the process
// then, and with it that thread (exit_group(2)). A claim that is left behind is
// its guest's, a lock is cleared by the next process of this node, and files are
// replaced at once or not at all.
func Bound(ctx context.Context, grace time.Duration, f, late func() int) int {
	code := make(chan int, 2)
	go func() { code <- f() }()
	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}
	select {
	case c := <-code:
		return c
	case <-time.After(grace):
	}
	go func() { code <- late() }() // what we write to may hang as well
	select {
	case c := <-code:
		return c
	case <-time.After(grace):
		return Failed
	}
}

// Overdue is why a call was ended from outside.
func Overdue(ctx context.Context, root string) error {
	why := "at the deadline"
	if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
		why = fmt.Sprintf("when stopped by %v", cause)
	}
	if !answers(root, answerLimit) {
		return fmt.Errorf("gave up %s: pmxcfs does not answer on /etc/pve; see 'systemctl status pve-cluster', and try again", why)
	}
	return fmt.Errorf("gave up %s, in the middle of something that does not end; see what delays it, or raise 'deadline' in node.cfg", why)
}

const (
	// answerLimit is how long pmxcfs may take to answer whether it is well.
	answerLimit = time.Second
	// askEvery is how often a command asks it.
	askEvery = time.Second
)

// Hangs waits until pmxcfs has not answered for as long as a call may take, and
// then calls f, unless ctx ends before.
func Hangs(ctx context.Context, root string, f func(error)) {
	limit := deadlineOf(root)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(askEvery):
		}
		if !answers(root, limit) {
			f(context.DeadlineExceeded)
			return
		}
	}
}

// answers asks pmxcfs itself, and not the kernel's memory of it.
func answers(root string, limit time.Duration) bool {
	path := below(root, "/etc/pve/local")
	done := make(chan struct{})
	go func() {
		defer close(done)
		var st unix.Statx_t
		_ = unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MODE, &st)
	}()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}
