package hook_test

import (
	"context"
	"fmt"
	"time"

	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/pve"
)

// event is something that happens to the cluster, at a time, by an actor of
// its own.
type event struct {
	name string
	at   time.Duration
	id   pve.VMID
	node int // of several
	net  int // of subnets
	n    int // an address, a length, a choice
}

func (e event) String() string {
	return fmt.Sprintf("%s %s %c%d.%d", e.name, e.id, 'a'+e.node, e.net, e.n)
}

// events are all that can happen.
func events() map[string]func(*cluster, *sim.Actor, event) {
	return map[string]func(*cluster, *sim.Actor, event){
		"start": func(c *cluster, a *sim.Actor, e event) { c.startAt(a, e.id) },
		"stop":  func(c *cluster, a *sim.Actor, e event) { c.onHome(a, e.id, c.stop) },
		"reboot": func(c *cluster, a *sim.Actor, e event) {
			c.stopAt(a, e.id)
			c.startAt(a, e.id)
		},
		"poweroff": (*cluster).poweroff,
		"backup":   (*cluster).backup,
		"unhooked": (*cluster).unhooked,
		"migrate":  (*cluster).migrate,
		"power":    (*cluster).power,
		"clone":    (*cluster).clone,
		"restore":  (*cluster).restore,
		"rollback": (*cluster).rollback,
		"recreate": (*cluster).recreate,
		"template": (*cluster).template,
		"set":      (*cluster).set,
		"vi":       (*cluster).vi,
		"detach":   (*cluster).detach,
		"acquire":  (*cluster).acquire,
		"command":  (*cluster).command,
		"damage":   (*cluster).damage,
		"clock":    (*cluster).clock,
		"quorum":   (*cluster).quorum,
		"cable":    (*cluster).unplug,
		"stranger": (*cluster).stranger,
		"astray":   (*cluster).astray,
		"outside":  (*cluster).outside,
		"cache":    (*cluster).cache,
		"pools":    (*cluster).editPools,
		"kill": func(c *cluster, _ *sim.Actor, e event) {
			if r := c.running(e.id); r != nil {
				r.sup.Doom()
			}
		},
		"hostile":  (*cluster).hostility,
		"router":   (*cluster).router,
		"learning": (*cluster).learning,
		"unheard":  (*cluster).unheard,
		"mute": func(c *cluster, _ *sim.Actor, e event) {
			if r := c.running(e.id); r != nil {
				r.mute = true // a firewall in it, say
			}
		},
		"days":      (*cluster).days,
		"ownstatic": (*cluster).ownStatic,
		"unread":    (*cluster).unread,
	}
}

// on runs a task on a node and waits for it, if the node is up.
func (c *cluster) on(a *sim.Actor, n *machine, what string, f func(*sim.Actor)) {
	if n == nil || !n.up {
		return
	}
	t := c.Start(nil, what, n.name, f)
	a.Await(context.Background(), "waits for its task", t.Done)
}

// onHome runs a task on the node that a guest is on.
func (c *cluster) onHome(a *sim.Actor, id pve.VMID, f func(*sim.Actor, *machine, pve.VMID)) {
	n := c.home(id)
	c.on(a, n, "task "+id.String(), func(t *sim.Actor) { f(t, n, id) })
}

func (c *cluster) startAt(a *sim.Actor, id pve.VMID) (code int) {
	n := c.home(id)
	c.on(a, n, "start "+id.String(), func(t *sim.Actor) { code = c.start(t, n, id) })
	return code
}

func (c *cluster) stopAt(a *sim.Actor, id pve.VMID) {
	n := c.home(id)
	c.on(a, n, "stop "+id.String(), func(t *sim.Actor) { c.stop(t, n, id) })
}

// running is a guest's run, if it has one.
func (c *cluster) running(id pve.VMID) *guestRun {
	if n := c.home(id); n != nil {
		return n.runs[id]
	}
	return nil
}
