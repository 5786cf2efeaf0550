package hook_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
)

// command runs one of the administrator's commands.
func (c *cluster) command(a *sim.Actor, e event) {
	n := c.home(e.id)
	if n == nil || !n.up {
		return
	}
	names := []string{"release", "renumber", "reclaim", "move", "repair"}
	name := names[e.n%len(names)]
	p := c.program(nil, name+" "+e.id.String(), n, func(ctx context.Context, _ *process, h *hook.Hook) {
		switch name {
		case "release":
			_, _ = h.Release(ctx, e.id)
		case "renumber":
			h.Renumber(ctx, e.id, hook.Options{})
		case "reclaim":
			_, _ = h.Reclaim(ctx, false)
		case "move":
			_ = h.Move(ctx, c.address(e.n), e.id)
		case "repair":
			_ = h.Repair(ctx)
		}
	})
	a.Await(context.Background(), "waits for its command", p.a.Done)
}

// address picks one of the pool, or next to it.
func (c *cluster) address(n int) netip.Addr {
	r := c.pools.Pools[0].Ranges[0]
	b := r.First.As4()
	b[3] += byte(n % 8)
	return netip.AddrFrom4(b)
}

// acquire leases an address for a guest that is created with it then.
func (c *cluster) acquire(a *sim.Actor, e event) {
	n := c.nodes[e.node%len(c.nodes)]
	if _, exists := c.truth.guests[e.id]; exists || !n.up {
		return
	}
	var got lease.Lease
	p := c.program(nil, "acquire "+e.id.String(), n, func(ctx context.Context, _ *process, h *hook.Hook) {
		l, _, err := h.Acquire(ctx, hook.Offer{Owner: lease.Owner{VMID: e.id}, For: time.Hour})
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

// container is a config as Proxmox writes it.
func container(id lease.VMID, a netip.Addr) string {
	var ip string
	if a.IsValid() {
		ip = ",ip=" + a.String() + "/24"
	}
	return fmt.Sprintf("arch: amd64\nhookscript: local:snippets/pve-iplease\nhostname: ct%s\nnet0: name=eth0,bridge=vmbr0,hwaddr=%s%s,type=veth\nostype: debian\n",
		id, macOf(id), ip)
}

// create makes a guest on a node, unless its number is taken.
func (c *cluster) create(n *machine, id lease.VMID, a netip.Addr) {
	if _, exists := c.truth.guests[id]; !exists {
		c.put(n, id, n.name, container(id, a), false)
	}
}

// renamed is a config with another guest's MAC.
func renamed(text string, from, to lease.VMID) string {
	return strings.ReplaceAll(text, macOf(from).String(), macOf(to).String())
}

// withAddr is a config whose net0 names an address.
func withAddr(text string, a netip.Addr) string {
	c := guest.Parse(lease.Container, []byte(text))
	next, err := c.Set(0, guest.Addr{Prefix: netip.PrefixFrom(a, 24)})
	if err != nil {
		return text
	}
	return string(next.Bytes())
}
