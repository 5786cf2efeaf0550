package hook_test

import (
	"time"

	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// damage is what a bad disk or hand does to one slot or both.
func (c *cluster) damage(_ *sim.Actor, e event) {
	if !c.truth.dir || c.truth.begun {
		return
	}
	c.watch.harm()
	c.change(c.nodes[0], func(t *etcPVE) {
		for i := range t.slots {
			if t.slots[i].there && (e.n%3 == 2 || e.n%3 == i) {
				t.slots[i] = slotFile{true, []byte("rubbish")}
			}
		}
	})
}

func (c *cluster) clock(_ *sim.Actor, e event) {
	c.nodes[e.node%len(c.nodes)].skew += time.Duration(e.n-4) * 7 * time.Hour
}

// quorum is lost for a while on one node.
func (c *cluster) quorum(a *sim.Actor, e event) {
	n := c.nodes[e.node%len(c.nodes)]
	n.quorate = false
	a.Sleep(time.Duration(1+e.n)*20*time.Second, "no quorum on "+n.name)
	n.quorate = true
	c.settle()
}

// unheard is a guest that starts while its node has no quorum, and answers
// nobody while the hold of its released lease goes by. Then newcomers want an
// address, here and elsewhere.
func (c *cluster) unheard(a *sim.Actor, e event) {
	n := c.home(e.id)
	if n == nil || !n.up {
		return
	}
	c.stopAt(a, e.id)
	n.quorate = false
	c.startAt(a, e.id)
	if r := c.running(e.id); r != nil {
		r.mute = true
	}
	n.quorate = true
	c.settle()
	a.Sleep(time.Duration(e.n)*time.Minute, "its hold goes by")
	for i := range 2 {
		if by := c.nodes[(e.node+i)%len(c.nodes)]; by.up {
			id := e.id + 600 + 100*pve.VMID(i)
			c.create(by, id)
			c.startAt(a, id)
		}
	}
}

func (c *cluster) unplug(a *sim.Actor, e event) {
	n, bridge := c.nodes[e.node%len(c.nodes)], subnets[e.net].Bridge
	n.links[bridge].up = false
	a.Sleep(time.Duration(e.n)*time.Second, "cable of "+bridge+" pulled on "+n.name)
	*n.links[bridge] = link{up: true, since: time.Now()}
}

func (c *cluster) stranger(a *sim.Actor, e event) {
	to := keyOf(c.address(e))
	for _, had := range c.living() {
		if had.Key == to {
			return // a duplicate of somebody's making is none of ours
		}
	}
	if c.occupy(to, byte(e.n)) {
		a.Sleep(time.Duration(e.n)*time.Minute, "a stranger has "+to.Addr.String())
		delete(c.strangers, to)
	}
}

// occupy puts a stranger on an address, unless one is there.
func (c *cluster) occupy(to lease.Key, n byte) (done bool) {
	if c.strangers[to] != nil {
		return false
	}
	c.strangers[to] = &stranger{pve.MAC{6, 0, 0, 0, 0, n}, time.Now()}
	c.watch.saw(carried{Key: to, mac: c.strangers[to].mac})
	return true
}

func (c *cluster) editPools(_ *sim.Actor, e event) {
	switch e.n % 3 {
	case 0:
		c.pools = poolsOf(11, 17)
	case 1:
		c.pools = poolsOf(10, 13)
	case 2:
		c.pools.Reservations = []lease.Reservation{{Addr: c.address(e), Owner: pve.Owner{VMID: e.id, NIC: subnets[e.net].nic}}}
	}
}

func (c *cluster) days(a *sim.Actor, e event) {
	a.Sleep(time.Duration(e.n)*13*time.Hour, "days pass")
}
