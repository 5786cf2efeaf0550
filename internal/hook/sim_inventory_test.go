package hook_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// glance is what the inventory's cache knows of a guest.
type glance struct {
	version int
	node    string
	parsedConf
	unread bool // it can't be read now
	known  bool // and what it last said stands in
}

// parsedConf is what the inventory takes from a config.
type parsedConf struct {
	guest lease.Guest
	uses  []lease.Use
}

// inventory reads the node's copy as inventory.Reader reads a mounted pmxcfs:
// the list of guests, the configs that changed, and the list again, until both
// are the same, or in a cluster that never stands still until each was read.
func (p *process) inventory(ctx context.Context) (lease.Inventory, error) {
	if p.seen == nil {
		p.seen = maps.Clone(p.n.seen)
		p.began.known = maps.Clone(p.n.seen) // another process may just have put back what it knew
	}
	read := map[pve.VMID]bool{}
	l := p.lists("lists the guests")
	for n := 0; ; n++ {
		vanished := false
		for i, id := range l.ids {
			gone := p.look(id, l.confs[i])
			vanished, read[id] = vanished || gone, read[id] || !gone
		}
		if ctx.Err() != nil {
			return lease.Inventory{}, context.Cause(ctx)
		}
		absent := n < 6 && p.misses(l)
		next := p.lists("lists the guests again")
		switch {
		case !vanished && !absent && next.version == l.version:
			return p.collect(l.ids), nil
		case n >= 10 && !slices.ContainsFunc(l.ids, func(id pve.VMID) bool { return !read[id] }):
			maps.DeleteFunc(read, func(_ pve.VMID, ok bool) bool { return !ok })
			return p.collect(slices.Sorted(maps.Keys(read))), nil
		case n == 40:
			return lease.Inventory{}, errors.New("guest configs keep vanishing while they are read")
		case vanished || absent:
			p.a.Sleep(time.Duration(n)*2*time.Millisecond, "waits for guests on their way")
			next = p.lists("lists the guests once more")
		}
		l = next
	}
}

// listed is the list of guests at one moment.
type listed struct {
	version int
	ids     []pve.VMID
	confs   []conf
}

func (p *process) lists(what string) listed {
	p.a.At(what)
	l := listed{version: p.n.etc.version, ids: p.n.etc.ids()}
	for _, id := range l.ids {
		l.confs = append(l.confs, p.n.etc.guests[id])
	}
	return l
}

// misses reports whether a guest that was read before is not listed.
func (p *process) misses(l listed) bool {
	for id := range p.seen {
		if !slices.Contains(l.ids, id) {
			return true
		}
	}
	return false
}

// look brings the cache up to date; vanished: the file was not where the list
// said.
func (p *process) look(id pve.VMID, listed conf) (vanished bool) {
	if g, ok := p.seen[id]; ok && g.version == listed.version && g.node == listed.node {
		return false
	}
	p.a.At("looks at the config of", id.String())
	if p.n.unreadable[id] {
		p.seen[id] = p.seen[id].failed(id, listed.node)
		return false
	}
	now, ok := p.n.etc.guests[id]
	if !ok || now.node != listed.node {
		return true
	}
	p.seen[id] = glance{version: listed.version, node: listed.node, parsedConf: parse(id, listed.node, now.text)}
	return false
}

// parse keeps nothing: configs are small.
func parse(id pve.VMID, node, text string) parsedConf {
	c := guest.Parse(pve.Container, []byte(text))
	p := parsedConf{uses: c.Uses(id), guest: lease.Guest{
		Kind: pve.Container, VMID: id, Node: node, Name: c.Hostname(), Template: c.Template(),
		Hooked: inventory.Hooked(c.Hookscript()), MACs: c.MACs(),
	}}
	for i := range p.uses {
		p.uses[i].Segment.Nodes = node
	}
	return p
}

func (p *process) collect(ids []pve.VMID) lease.Inventory {
	inv := lease.Inventory{
		Guests: make(map[pve.VMID]lease.Guest, len(ids)), Uses: make(map[netip.Addr][]lease.Use, len(ids)),
		Never: map[netip.Addr]string{}, Complete: true,
	}
	maps.DeleteFunc(p.seen, func(id pve.VMID, _ glance) bool { return !slices.Contains(ids, id) })
	p.n.seen = maps.Clone(p.seen)
	for _, id := range ids {
		if g := p.seen[id]; g.unread {
			inv.AddUnread(g.guest, g.uses, lease.Unread{What: "config " + id.String(), Why: "EIO", Known: g.known})
		} else {
			inv.Add(g.guest, g.uses)
		}
	}
	return inv
}
