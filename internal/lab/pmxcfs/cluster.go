package pmxcfs

import (
	"slices"
	"sync"
	"syscall"
	"time"
)

// Cluster is the ordered log of messages and the nodes that apply it.
type Cluster struct {
	mu    sync.Mutex
	name  string
	nodes []*Node
	log   []message
	ahead time.Duration // what Advance added to the clock

	stall     time.Duration // how long writers wait when the membership changes
	stalledTo time.Time
	intercept func(Op) Fault
	latency   Latency
}

// New makes a cluster of nodes, not yet mounted. With one node it is a host
// of its own, as pmxcfs in local mode: always quorate, locks without writer.
func New(name string, nodes ...string) *Cluster {
	c := &Cluster{name: name}
	for i, n := range nodes {
		c.nodes = append(c.nodes, newNode(c, n, uint32(i+1)))
	}
	for _, n := range c.nodes {
		for _, dir := range []string{"nodes", "nodes/" + n.name, "nodes/" + n.name + "/lxc", "nodes/" + n.name + "/qemu-server", "nodes/" + n.name + "/priv", "priv", "priv/lock"} {
			c.send(n, message{kind: makeDir, path: dir})
		}
	}
	return c
}

// Node returns the node of this name, nil if there is none.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// Nodes are all nodes.
func (c *Cluster) Nodes() []*Node { return slices.Clone(c.nodes) }

func (c *Cluster) local() bool { return len(c.nodes) == 1 }

// now is the nodes' clock. Call it with the lock held.
func (c *Cluster) now() time.Time { return time.Now().Add(c.ahead) }

// Advance sets the clocks of all nodes forward.
func (c *Cluster) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Lag makes a node see changes of the others only this much later, as far as
// its own changes let it.
func (c *Cluster) Lag(n *Node, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.lag = d
}

// send puts a message in order and waits until its node has applied it.
func (c *Cluster) send(n *Node, m message) syscall.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaitMembership()
	if !n.quorate {
		return syscall.EACCES
	}
	c.flush(n)
	return c.commit(n, m)
}

// commit appends a message and applies everything up to it on its node.
func (c *Cluster) commit(n *Node, m message) syscall.Errno {
	m.from, m.sent = n, c.now()
	m.time = uint32(m.sent.Unix())
	if !c.local() {
		m.writer = n.id
	}
	c.log = append(c.log, m)
	last := syscall.Errno(0)
	for n.applied < len(c.log) {
		last = n.applyNext(c.log[n.applied].sent)
	}
	for _, other := range c.nodes {
		if other.lag == 0 {
			other.catchUp(m.sent)
		}
	}
	c.trim()
	return last
}

// trim forgets messages that every node has applied.
func (c *Cluster) trim() {
	done := len(c.log)
	for _, n := range c.nodes {
		done = min(done, n.applied)
	}
	if done < 1000 {
		return
	}
	c.log = slices.Clone(c.log[done:])
	for _, n := range c.nodes {
		n.applied -= done
	}
}

// flush sends what an earlier call left on its way: messages of one node stay
// in their order.
func (c *Cluster) flush(n *Node) {
	waiting := n.waiting
	n.waiting = nil
	for _, m := range waiting {
		c.commit(n, m)
	}
}

// requestUnlock is what utime(0) does to a lock directory: the node with the
// lowest id removes it when it has expired there (dcdb_deliver in dcdb.c). On
// a host of its own it is gone at once (cfs_plug_memdb_utimens).
func (c *Cluster) requestUnlock(n *Node, path string) (removed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaitMembership()
	if !n.quorate {
		return false
	}
	for _, judge := range c.nodes {
		if judge.cut != n.cut || !judge.quorate {
			continue
		}
		judge.catchUp(c.now())
		if !judge.tree.expired(path, c.now()) {
			return false
		}
		c.commit(n, message{kind: unlock, path: path, version: judge.tree.find(path).version})
		return c.local()
	}
	return false
}

// look calls f with a node's copy of the tree, brought up to date as far as
// the node's lag allows.
func (c *Cluster) look(n *Node, f func(*tree)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.catchUp(c.now())
	f(n.tree)
}
