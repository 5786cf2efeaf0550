package hook_test

import (
	"context"
	"net/netip"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// command runs one of the administrator's commands.
func (c *cluster) command(a *sim.Actor, e event) {
	n := c.home(e.id)
	if n == nil || !n.up {
		return
	}
	names := []string{"release", "renumber", "reclaim", "move", "repair", "confirm"}
	name := names[e.n%len(names)]
	on := subnets[e.net]
	p := c.program(nil, name+" "+e.id.String(), n, func(ctx context.Context, _ *process, h *hook.Hook) {
		switch name {
		case "release":
			_, _ = h.Release(ctx, e.id)
		case "renumber":
			h.Renumber(ctx, e.id, hook.Options{NIC: on.nic, Family: on.family()})
		case "confirm":
			_, _ = h.Vouch(ctx, e.id)
		case "reclaim":
			_, _ = h.Reclaim(ctx, false)
		case "move":
			_ = h.Move(ctx, c.address(e), e.id)
		case "repair":
			_ = h.Repair(ctx)
		}
	})
	a.Await(context.Background(), "waits for its command", p.a.Done)
}

// address picks one of a pool, or next to it.
func (c *cluster) address(e event) netip.Addr {
	first := c.pools.Pools[e.net].Ranges[0].First.AsSlice()
	return subnets[e.net].host(int(first[len(first)-1]) + e.n%8)
}

// acquire leases an address for a guest that is created with it then.
func (c *cluster) acquire(a *sim.Actor, e event) {
	n := c.nodes[e.node%len(c.nodes)]
	if _, exists := c.truth.guests[e.id]; exists || !n.up {
		return
	}
	on, got := subnets[e.net], lease.Lease{}
	p := c.program(nil, "acquire "+e.id.String(), n, func(ctx context.Context, _ *process, h *hook.Hook) {
		l, _, err := h.Acquire(ctx, hook.Offer{Owner: pve.Owner{VMID: e.id, NIC: on.nic}, Family: on.family(), For: time.Hour})
		if err == nil {
			got = l
		}
	})
	a.Await(context.Background(), "waits for acquire", p.a.Done)
	if got.Addr.IsValid() {
		a.Sleep(time.Second, "creates the guest")
		c.create(n, e.id, got.Addr)
		c.startAt(a, e.id)
	}
}

// create makes a guest on a node, unless its number is taken.
func (c *cluster) create(n *machine, id pve.VMID, named ...netip.Addr) {
	if _, exists := c.truth.guests[id]; !exists {
		c.put(n, id, n.name, container(id, named...), false)
	}
}
