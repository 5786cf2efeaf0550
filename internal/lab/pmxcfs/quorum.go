package pmxcfs

import (
	"slices"
	"time"
)

// Stall sets how long writers wait when the membership changes; real clusters
// need 7 to 9 seconds to decide.
func (c *Cluster) Stall(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stall = d
}

// Partition cuts these nodes off from the others. Writers on both sides wait
// for the length of a stall; then the side with the majority goes on, and the
// other side refuses every change and sees none.
func (c *Cluster) Partition(nodes ...*Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		n.catchUp(c.now().Add(time.Hour)) // what was sent before reaches all
		n.cut = slices.Contains(nodes, n)
	}
	c.regroup()
}

// Heal joins all nodes again; who was cut off learns what it missed.
func (c *Cluster) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		n.cut = false
	}
	c.regroup()
}

// regroup starts a stall and decides who is quorate after it.
func (c *Cluster) regroup() {
	c.stalledTo = time.Now().Add(c.stall)
	for _, n := range c.nodes {
		side := 0
		for _, other := range c.nodes {
			if other.cut == n.cut {
				side++
			}
		}
		n.quorate = 2*side > len(c.nodes)
		clear(n.tree.locks) // a node that joins again counts a lock's time anew
	}
}

// awaitMembership holds writers back during a stall. Call it with the lock
// held; it lets go of it while it waits.
func (c *Cluster) awaitMembership() {
	for {
		left := time.Until(c.stalledTo)
		if left <= 0 {
			return
		}
		c.mu.Unlock()
		time.Sleep(min(left, 10*time.Millisecond))
		c.mu.Lock()
	}
}

// writable reports what the mode bits of a node's files say of the quorum.
func (c *Cluster) writable(n *Node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return n.quorate || time.Now().Before(c.stalledTo)
}
