package pmxcfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// look is how often a call that hangs looks whether it still does.
const look = 5 * time.Millisecond

// hang keeps a call until released, and reports whether it then goes on: the
// caller may have been killed, or the server. A real pmxcfs that hangs doesn't
// take its calls from the kernel, and so a thread that waits for one can end;
// what go-fuse has taken, the kernel wouldn't let go of.
func (n *Node) hang(o Op, released <-chan struct{}) bool {
	n.c.mu.Lock()
	ended := n.ended
	n.c.mu.Unlock()
	for {
		select {
		case <-released:
			return true
		case <-ended:
			return false
		case <-time.After(look):
		}
		if dying(o.PID) {
			return false
		}
	}
}

// release ends what hangs.
func (n *Node) release() {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	select {
	case <-n.ended:
	default:
		close(n.ended)
	}
}

// dying reports whether a thread is gone or has been sent SIGKILL, as it is by
// another thread's exit_group(2) too (proc_pid_status(5), SigPnd and ShdPnd).
func dying(thread uint32) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "SigPnd" && name != "ShdPnd" {
			continue
		}
		if set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); err == nil && set&(1<<(unix.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}
