// Package lab is the world that tests need around the program: local networks
// made of namespaces, hosts on them that behave well or badly, Proxmox nodes
// with bridges, guests that are plugged in. It runs no other program, leaves
// nothing behind when killed, and never touches the host's own network.
package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace without a name: it exists as long as this
// process, a child in it, or a socket of it does, so a killed test leaves
// nothing behind. Abstract unix sockets and /proc/net/unix belong to the
// namespace too.
type Namespace struct {
	ns    *os.File
	links *netlink.Handle

	mu    sync.Mutex
	wired []*Namespace // what cables lead to
}

// threadNetNS names the calling thread's network namespace; /proc/self/ns/net
// would name the first thread's.
const threadNetNS = "/proc/thread-self/ns/net"

// NewNamespace makes an empty network namespace with its loopback device up.
func NewNamespace() (*Namespace, error) {
	ns, err := unshareNetwork()
	if err != nil {
		return nil, fmt.Errorf("a new network namespace: %w", err)
	}
	n := &Namespace{ns: ns}
	if err := n.Do(n.open); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// unshareNetwork moves one thread into a new namespace, keeps a descriptor of
// it, and moves the thread back.
func unshareNetwork() (ns *os.File, err error) {
	back, err := holdThread()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, back()) }()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, os.NewSyscallError("unshare", err)
	}
	return os.Open(threadNetNS)
}

// holdThread ties the goroutine to its thread and returns what leads both
// back to the thread's present namespace. A thread that cannot go back stays
// tied, so that the runtime ends it with its goroutine.
func holdThread() (back func() error, err error) {
	runtime.LockOSThread()
	home, err := os.Open(threadNetNS)
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return func() error {
		defer home.Close()
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		runtime.UnlockOSThread()
		return nil
	}, nil
}

// open runs inside the new namespace: its netlink socket, its loopback.
func (n *Namespace) open() error {
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	n.links = links
	return n.SetUp("lo", true)
}

// Do runs f on a thread that is inside the namespace. Sockets that f opens
// stay in it; goroutines that f starts are not. In f, /proc/thread-self/net is
// the namespace's, while /proc/net stays the process's own.
func (n *Namespace) Do(f func() error) (err error) {
	defer runtime.KeepAlive(n)
	back, err := holdThread()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back()) }()
	if err := unix.Setns(int(n.ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	return f()
}

// Close lets go of the namespace; the kernel removes it with its last user.
func (n *Namespace) Close() error {
	if n.links != nil {
		n.links.Close()
	}
	return n.ns.Close()
}
