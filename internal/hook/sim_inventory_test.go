package hook_test

import (
	"context"
	"errors"
	"net/netip"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
)

// glance is what the inventory's cache knows of a guest.
type glance struct {
	version int
	node    string
	parsedConf
}

// parsedConf is what the inventory takes from a config.
type parsedConf struct {
	guest lease.Guest
	uses  []lease.Use
}

// inventory reads the node's copy as the inventory reads a mounted pmxcfs: the
// list of guests, the configs that changed, and the list again.
func (p *process) inventory(ctx context.Context) (lease.Inventory, error) {
	for range 5 {
		p.a.At("lists the guests")
		mark := p.n.etc.version
		ids := p.n.etc.ids()
		listed := make([]conf, len(ids))
		for i, id := range ids {
			listed[i] = p.n.etc.guests[id]
		}
		vanished := false
		for i, id := range ids {
			vanished = p.look(id, listed[i]) || vanished
		}
		if ctx.Err() != nil {
			return lease.Inventory{}, context.Cause(ctx)
		}
		p.a.At("lists the guests again")
		if !vanished && p.n.etc.version == mark {
			return p.collect(ids), nil
		}
	}
	return lease.Inventory{}, errors.New("guest configs keep changing while they are read")
}

// look brings the cache up to date; vanished: the file was not where the list
// said.
func (p *process) look(id lease.VMID, listed conf) (vanished bool) {
	if g, ok := p.n.seen[id]; ok && g.version == listed.version && g.node == listed.node {
		return false
	}
	p.a.At("looks at the config of", id.String())
	now, ok := p.n.etc.guests[id]
	if !ok || now.node != listed.node {
		return true
	}
	p.n.seen[id] = glance{listed.version, listed.node, parse(id, listed.node, now.text)}
	return false
}

// parse keeps nothing: configs are small.
func parse(id lease.VMID, node, text string) parsedConf {
	c := guest.Parse(lease.Container, []byte(text))
	p := parsedConf{uses: c.Uses(id), guest: lease.Guest{
		Kind: lease.Container, VMID: id, Node: node, Name: c.Hostname(), Template: c.Template(),
		Hooked: inventory.Hooked(c.Hookscript()), MACs: c.MACs(),
	}}
	for i := range p.uses {
		p.uses[i].Segment.Nodes = node
	}
	return p
}

func (p *process) collect(ids []lease.VMID) lease.Inventory {
	inv := lease.Inventory{
		Guests: make(map[lease.VMID]lease.Guest, len(ids)), Uses: make(map[netip.Addr][]lease.Use, len(ids)),
		Never: map[netip.Addr]string{}, Complete: true,
	}
	for _, id := range ids {
		g := p.n.seen[id]
		inv.Guests[id] = g.guest
		for _, u := range g.uses {
			inv.Uses[u.Addr] = append(inv.Uses[u.Addr], u)
		}
	}
	return inv
}
