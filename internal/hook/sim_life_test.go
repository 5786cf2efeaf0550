package hook_test

import (
	"context"
	"time"

	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/pve"
)

// poweroff inside the guest, and a start at once.
func (c *cluster) poweroff(a *sim.Actor, e event) {
	if r := c.running(e.id); r != nil && r.socket {
		r.ending = true
	}
	if e.n%2 == 0 {
		c.startAt(a, e.id)
	}
}

// backup is vzdump --mode stop: it stops and starts without Proxmox's lock.
func (c *cluster) backup(a *sim.Actor, e event) {
	c.onHome(a, e.id, func(t *sim.Actor, n *machine, id pve.VMID) {
		if r := n.runs[id]; r == nil || !r.socket || c.backed[id] {
			return
		}
		c.backed[id] = true
		t.OnExit(func() { delete(c.backed, id) })
		c.down(t, n, id)
		t.Sleep(time.Second, "backup copies")
		c.boot(t, n, id)
	})
}

// unhooked is a start past Proxmox's tools: systemctl start pve-container@.
func (c *cluster) unhooked(a *sim.Actor, e event) {
	c.onHome(a, e.id, func(t *sim.Actor, n *machine, id pve.VMID) {
		if n.runs[id] != nil {
			return
		}
		r := &guestRun{n: n, id: id, started: n.uptime()}
		n.runs[id], n.past[id] = r, time.Now()
		c.supervise(t, r, "", func() {})
	})
}

// migrate moves a guest, with a restart if it runs.
func (c *cluster) migrate(a *sim.Actor, e event) {
	from, to := c.home(e.id), c.nodes[e.node%len(c.nodes)]
	was := false
	c.on(a, from, "migrate "+e.id.String(), func(t *sim.Actor) {
		c.task(t, from, e.id, func() {
			was = from.runs[e.id] != nil
			c.down(t, from, e.id)
			t.At("migrate: moves the config")
			if cf, ok := from.etc.guests[e.id]; ok && cf.node == from.name && from.runs[e.id] == nil {
				c.put(from, e.id, to.name, cf.text, cf.byHook)
			}
		})
	})
	if was {
		c.startAt(a, e.id)
	}
}

// power fails on a node; its guests are recovered elsewhere, or start with it.
func (c *cluster) power(a *sim.Actor, e event) {
	n := c.nodes[e.node%len(c.nodes)]
	if !n.up {
		return
	}
	var ran []pve.VMID
	for _, r := range n.inOrder() {
		ran = append(ran, r.id)
	}
	c.Fell(n.name, a)
	for _, r := range n.inOrder() {
		r.socket, r.gone = false, true
	}
	n.clear()
	n.up = false
	c.windows = without(c.windows, n)
	if by := c.nodes[(e.node+1)%len(c.nodes)]; e.n%2 == 0 && by.up && by.quorate {
		a.Sleep(130*time.Second, "fencing")
		for _, id := range ran {
			if cf := c.truth.guests[id]; cf.node == n.name {
				c.put(by, id, by.name, cf.text, cf.byHook)
			}
		}
		c.boots(a, ran)
	}
	a.Sleep(time.Minute, "the node is off")
	n.up, n.booted = true, time.Now()
	n.boots++
	c.boots(a, ran)
}

// boots starts several guests at once.
func (c *cluster) boots(a *sim.Actor, ids []pve.VMID) {
	var tasks []*sim.Actor
	for _, id := range ids {
		if n := c.home(id); n != nil && n.up {
			tasks = append(tasks, c.Start(nil, "start "+id.String(), n.name, func(t *sim.Actor) { c.start(t, n, id) }))
		}
	}
	for _, t := range tasks {
		a.Await(context.Background(), "waits for its tasks", t.Done)
	}
}

func without(ws []*window, n *machine) (out []*window) {
	for _, w := range ws {
		if w.n != n {
			out = append(out, w)
		}
	}
	return out
}
