package hook_test

import (
	"net/netip"
	"strings"
	"time"

	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/pve"
)

// edit changes a stopped or running guest's config under Proxmox's lock, as
// pct does.
func (c *cluster) edit(a *sim.Actor, id pve.VMID, f func(n *machine, text string) string) {
	c.onHome(a, id, func(t *sim.Actor, n *machine, id pve.VMID) {
		c.task(t, n, id, func() {
			t.At("edit: reads the config", id.String())
			cf, ok := n.etc.guests[id]
			if !ok || cf.node != n.name {
				return
			}
			t.At("edit: writes the config", id.String())
			if n.etc.guests[id].node == n.name {
				if next := f(n, cf.text); next != cf.text {
					c.put(n, id, n.name, next, false)
				}
			}
		})
	})
}

// set is pct set: of a running container the address changes at once, past
// all hooks.
func (c *cluster) set(a *sim.Actor, e event) {
	c.edit(a, e.id, func(n *machine, text string) string {
		return c.readdress(n.runs[e.id], text, c.address(e))
	})
}

// ownStatic is the same with an address far from the pool.
func (c *cluster) ownStatic(a *sim.Actor, e event) {
	c.edit(a, e.id, func(n *machine, text string) string {
		return c.readdress(n.runs[e.id], text, subnets[e.net].host(100+e.n))
	})
}

// readdress is a config with another address, which a running guest has from
// now on.
func (c *cluster) readdress(r *guestRun, text string, to netip.Addr) string {
	text = addressed(text, to)
	if r == nil {
		return text
	}
	for _, a := range addressesIn(text) {
		if a.Addr == to {
			r.has(a)
			c.watch.saw(a)
		}
	}
	return text
}

// vi is an editor without any lock that saves what it loaded, and a line.
func (c *cluster) vi(a *sim.Actor, e event) {
	n := c.home(e.id)
	c.on(a, n, "vi "+e.id.String(), func(t *sim.Actor) {
		cf := n.etc.guests[e.id]
		t.Sleep(time.Duration(e.n)*100*time.Millisecond, "edits in vi")
		if n.etc.guests[e.id].node == n.name && cf.node == n.name {
			c.put(n, e.id, n.name, "#edited\n"+cf.text, false)
		}
	})
}

func (c *cluster) detach(a *sim.Actor, e event) {
	c.edit(a, e.id, func(_ *machine, text string) string {
		return strings.Replace(text, "hookscript: local:snippets/pve-iplease\n", "", 1)
	})
}

func (c *cluster) template(a *sim.Actor, e event) {
	c.edit(a, e.id, func(n *machine, text string) string {
		if n.runs[e.id] != nil || strings.Contains(text, "template: 1") {
			return text
		}
		return text + "template: 1\n"
	})
}

// clone keeps the address and the hookscript; only the MAC is new.
func (c *cluster) clone(a *sim.Actor, e event) {
	n, to := c.home(e.id), e.id+100
	cf := c.truth.guests[e.id]
	if _, exists := c.truth.guests[to]; exists || n == nil || !n.up {
		return
	}
	a.At("clone: writes the config", to.String())
	if _, exists := c.truth.guests[to]; exists {
		return
	}
	text := strings.Replace(renamed(cf.text, e.id, to), "template: 1\n", "", 1)
	c.put(n, to, c.nodes[e.node%len(c.nodes)].name, text, false)
	c.startAt(a, to)
}

// restore puts a backup in the place of a stopped guest, or beside it; without
// --unique even the MAC is the same.
func (c *cluster) restore(a *sim.Actor, e event) {
	text, ok := c.backups[e.id]
	if !ok {
		c.backups[e.id] = c.truth.guests[e.id].text
		return
	}
	to := e.id
	if e.n%3 > 0 {
		to = e.id + 200
	}
	if e.n%3 == 1 {
		text = renamed(text, e.id, to)
	}
	if to == e.id {
		c.rollback(a, e)
		return
	}
	if n := c.nodes[e.node%len(c.nodes)]; n.up && text != "" {
		a.At("restore: writes the config", to.String())
		if _, exists := c.truth.guests[to]; !exists {
			c.put(n, to, n.name, text, false)
		}
		c.startAt(a, to)
	}
}

// rollback brings an older config of a stopped guest back.
func (c *cluster) rollback(a *sim.Actor, e event) {
	text := c.backups[e.id]
	c.edit(a, e.id, func(n *machine, now string) string {
		if n.runs[e.id] != nil {
			return now
		}
		c.backups[e.id] = now
		if text == "" {
			return now
		}
		return text
	})
}

// recreate destroys a stopped guest and creates another with its number, at
// once or some time later.
func (c *cluster) recreate(a *sim.Actor, e event) {
	if r := c.running(e.id); r != nil {
		c.stopAt(a, e.id)
	}
	c.onHome(a, e.id, func(t *sim.Actor, n *machine, id pve.VMID) {
		c.task(t, n, id, func() {
			t.At("destroy: removes the config", id.String())
			if n.runs[id] == nil && n.etc.guests[id].node == n.name {
				c.change(n, func(e *etcPVE) { e.version++; delete(e.guests, id) })
			}
		})
	})
	if e.n%2 == 0 {
		a.Sleep(time.Duration(e.n)*time.Hour, "nobody has this number")
	}
	if n := c.nodes[e.node%len(c.nodes)]; n.up && e.n%3 > 0 {
		a.At("create: writes the config", e.id.String())
		c.create(n, e.id, c.address(e))
		c.startAt(a, e.id)
	}
}
