package hook_test

import (
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
)

// astray is a guest that goes on living on a node which lost the cluster but not
// the network, while a person moves its config to another node and starts it
// there. Later the node comes back and somebody ends the first.
func (c *cluster) astray(a *sim.Actor, e event) {
	from, to := c.home(e.id), c.nodes[e.node%len(c.nodes)]
	if from == nil || from == to || !from.quorate || !to.quorate || !to.up {
		return
	}
	if r := from.runs[e.id]; r == nil || !r.socket {
		return
	}
	from.quorate = false
	a.Sleep(time.Duration(1+e.n)*time.Second, from.name+" is cut off")
	cf := c.truth.guests[e.id]
	r := from.runs[e.id] // a later one by now, perhaps
	if r != nil && cf.node == from.name && from.up && c.put(to, e.id, to.name, cf.text, cf.byHook) {
		r.stray = true
		c.startAt(a, e.id)
		a.Sleep(time.Minute, "CT "+e.id.String()+" lives astray on "+from.name)
		r.ending = true
	}
	from.quorate = true
	c.settle()
}

// outside is a stopped guest's copy that was restored on a host which is no node
// of the cluster, with its MAC and addresses.
func (c *cluster) outside(a *sim.Actor, e event) {
	if c.running(e.id) != nil || c.home(e.id) == nil {
		return
	}
	var held []carried
	for _, had := range addressesIn(c.truth.guests[e.id].text) {
		if c.strangers[had.Key] == nil && !c.lived(had) {
			c.strangers[had.Key] = &stranger{had.mac, time.Now()}
			c.watch.saw(had)
			held = append(held, had)
		}
	}
	a.Sleep(time.Duration(1+e.n)*time.Minute, "a copy of CT "+e.id.String()+" lives elsewhere")
	for _, had := range held {
		delete(c.strangers, had.Key)
	}
}

// lived reports whether a guest has an address.
func (c *cluster) lived(with carried) bool {
	for _, had := range c.living() {
		if had.Key == with.Key {
			return true
		}
	}
	return false
}

// cache is a switch that answers for a guest for some time, whether or not it is
// still there.
func (c *cluster) cache(a *sim.Actor, e event) {
	r := c.running(e.id)
	if r == nil || !r.socket {
		return
	}
	had := r.carries
	for _, x := range had {
		c.caches[x.Key] = x.mac
	}
	a.Sleep(time.Duration(1+e.n)*time.Minute, "a switch remembers CT "+e.id.String())
	for _, x := range had {
		delete(c.caches, x.Key)
	}
}

// A guest lives on a node without cluster, and is started on another one.
func TestTwinOnANodeThatLostTheCluster(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		s.node("a").quorate = false
		s.put(s.node("b"), 101, "b", s.truth.guests[101].text, true)
		for range 2 { // nobody gets past a refusal by trying again
			s.started(101)
			s.lives(101)
			s.lastExit(hook.Conflict)
		}
		s.node("a").quorate = true
		s.settle()
		s.node("a").runs[101].ending = true
		s.until("lxc-start 101", "lxc-start ends")
		s.rest()
		s.started(101)
		s.lives(101, hosts(10)...)
	})
}

// A switch's cache alone keeps no guest from starting that had its address.
func TestCacheAfterAMigration(t *testing.T) {
	scenario(t, func(s *stage) {
		s.started(101)
		for _, a := range s.running(101).carries {
			s.caches[a.Key] = a.mac
		}
		s.halt(101)
		s.put(s.node("b"), 101, "b", s.truth.guests[101].text, true)
		s.started(101)
		s.lives(101, hosts(10)...)
		s.lastExit(hook.OK)
	})
}
