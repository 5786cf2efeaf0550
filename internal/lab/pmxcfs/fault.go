package pmxcfs

import (
	"syscall"
	"time"
)

// Op is a call that a process makes on a mounted node.
type Op struct {
	Node     string
	Call     string // lookup, open, create, read, write, mkdir, rmdir, unlink, rename, utime, truncate, chmod, chown, readdir
	Path, To string // without leading slash; To with rename
	Offset   int64
	Size     int
	PID      uint32
}

// Change reports whether the call means to change something.
func (o Op) Change() bool {
	switch o.Call {
	case "lookup", "open", "read", "readdir":
		return false
	}
	return true
}

// Fault is what goes wrong with one call. The zero value is nothing.
type Fault struct {
	// Errno is returned instead of the result.
	Errno syscall.Errno
	// Applied makes the change nevertheless: EBUSY may mean both.
	Applied bool
	// Late makes the change only when the node sends its next message.
	Late bool
	// Short is how many bytes a write takes, if not all.
	Short int
	// Delay comes before everything else.
	Delay time.Duration
	// Hang, if set, lets the call wait until it is closed, as a pmxcfs that is
	// stuck does; only the end of the calling thread ends it before that.
	Hang <-chan struct{}
	// After is called when the change was made, before the caller hears of it.
	After func()
}

// Intercept has f called before each call on any node, from many goroutines
// at once; what it returns happens to the call. It may kill the caller. Nil
// ends it.
func (c *Cluster) Intercept(f func(Op) Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.intercept = f
}

// faultOf asks the interceptor, and takes as long as the call does.
func (n *Node) faultOf(o Op) Fault {
	n.c.mu.Lock()
	f, usual := n.c.intercept, n.c.latency.of(o)
	n.c.mu.Unlock()
	var fault Fault
	if f != nil {
		fault = f(o)
	}
	time.Sleep(fault.Delay + usual)
	if fault.Hang != nil && !n.hang(o, fault.Hang) {
		fault.Errno = syscall.EINTR
	}
	return fault
}

// change sends a message with all that may go wrong on the way.
func (n *Node) change(o Op, m message) syscall.Errno {
	return n.changeWith(o, func(Fault) message { return m })
}

// changeWith sends a message that depends on the fault.
func (n *Node) changeWith(o Op, messageOf func(Fault) message) syscall.Errno {
	fault := n.faultOf(o)
	m := messageOf(fault)
	if fault.After != nil {
		defer fault.After()
	}
	switch {
	case fault.Late:
		n.c.mu.Lock()
		n.waiting = append(n.waiting, m)
		n.c.mu.Unlock()
	case fault.Errno == 0 || fault.Applied:
		if errno := n.c.send(n, m); fault.Errno == 0 {
			return errno
		}
	}
	return fault.Errno
}

// query asks whether a call that changes nothing fails.
func (n *Node) query(o Op) syscall.Errno {
	fault := n.faultOf(o)
	if fault.After != nil {
		fault.After()
	}
	return fault.Errno
}
