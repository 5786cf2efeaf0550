package pmxcfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Node is one host of the cluster.
type Node struct {
	c    *Cluster
	name string
	id   uint32

	// The rest is guarded by the cluster's mutex.
	tree    *tree
	applied int // messages of the log
	lag     time.Duration
	waiting []message // sent, not yet in order
	quorate bool
	cut     bool // on the smaller side of a partition
	started time.Time
	ended   chan struct{} // closed when the mount goes away or crashes

	shown    map[string]string // what was made last of .version and the like
	unlisted map[uint32]int    // guests that so many lists still lack

	mounting sync.Mutex // guards the rest: the mount
	dir      string
	server   *fuse.Server
	pin      *os.File // keeps the mount from going away when it crashes
}

func newNode(c *Cluster, name string, id uint32) *Node {
	return &Node{c: c, name: name, id: id, tree: newTree(), quorate: true, started: time.Now(), shown: map[string]string{}, unlisted: map[uint32]int{}}
}

// Name is the node's name.
func (n *Node) Name() string { return n.name }

// Cluster is the cluster that the node is in.
func (n *Node) Cluster() *Cluster { return n.c }

// applyNext applies the next message of the log.
func (n *Node) applyNext(now time.Time) syscall.Errno {
	m := n.c.log[n.applied]
	n.applied++
	return n.tree.apply(m, now)
}

// catchUp applies what has reached the node. Call it with the cluster's lock
// held.
func (n *Node) catchUp(now time.Time) {
	if n.cut && !n.quorate {
		return
	}
	for n.applied < len(n.c.log) {
		arrival := n.c.log[n.applied].sent.Add(n.lag)
		if arrival.After(now) {
			return
		}
		n.applyNext(arrival)
	}
}

// Mount makes the node's tree appear on an existing directory, /etc/pve of a
// scratch tree. It needs root, /dev/fuse and a mount namespace of its own.
func (n *Node) Mount(dir string) (err error) {
	n.mounting.Lock()
	defer n.mounting.Unlock()
	hidden, err := os.MkdirTemp(filepath.Dir(dir), ".mount-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(hidden)) }()
	n.server, err = Serve(newFileSystem(n), hidden, true)
	n.c.mu.Lock()
	n.ended = make(chan struct{})
	n.c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("mount %s: %w", dir, err)
	}
	if err := unix.Mount(hidden, dir, "", unix.MS_MOVE, ""); err != nil {
		return errors.Join(err, unix.Unmount(hidden, unix.MNT_FORCE))
	}
	n.dir = dir
	n.pin, err = os.Open(dir)
	return err
}

// Unmount takes the tree away, under the hands of whoever uses it; what is
// stored stays.
func (n *Node) Unmount() error {
	n.mounting.Lock()
	defer n.mounting.Unlock()
	if n.server == nil {
		return nil
	}
	n.server = nil
	n.release()
	_ = unix.Unmount(n.dir, unix.MNT_FORCE) // ends what is under way, then finds the mount busy
	return errors.Join(n.pin.Close(), unix.Unmount(n.dir, unix.MNT_DETACH))
}

// Crash ends the node's server as if it was killed: the mount stays, and
// every call on it fails with ENOTCONN until Restart.
func (n *Node) Crash() error {
	n.mounting.Lock()
	defer n.mounting.Unlock()
	if n.server == nil {
		return fmt.Errorf("%s is not mounted", n.name)
	}
	n.release()
	err := unix.Unmount(n.dir, unix.MNT_FORCE) // aborts the connection, then finds the mount busy
	if !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("the mount went away instead of crashing: %v", err)
	}
	n.server.Wait()
	return nil
}

// Restart is what systemd does after a crash: the dead mount is taken away
// and the tree, which is on disk, mounted again. Versions in .vmlist begin
// anew.
func (n *Node) Restart() error {
	if err := n.Unmount(); err != nil {
		return err
	}
	n.c.mu.Lock()
	n.started, n.shown = n.c.now(), map[string]string{}
	n.tree.recount()
	n.c.mu.Unlock()
	return n.Mount(n.dir)
}
