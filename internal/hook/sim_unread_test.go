package hook_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// unread is a guest's config, edited by hand, that can't be read on a node while
// a new guest starts there. The node may have read it since the edit; one that
// has just come up knows nothing of it, and its cable may be out.
func (c *cluster) unread(a *sim.Actor, e event) {
	n := c.nodes[e.node%len(c.nodes)]
	free := c.free(subnets[e.net], e.net)
	if !n.up || !free.IsValid() {
		return
	}
	c.edit(a, e.id, func(at *machine, text string) string {
		if at.runs[e.id] != nil {
			return text
		}
		return addressed(text, free)
	})
	c.settle()
	n.seen[e.id] = glance{version: -1, node: n.etc.guests[e.id].node, parsedConf: parse(e.id, n.etc.guests[e.id].node, n.etc.guests[e.id].text)}
	if e.n%3 == 0 {
		n.seen = map[pve.VMID]glance{}
	}
	n.unreadable[e.id] = true
	n.cable(e.n%2 == 0)
	c.create(n, e.id+500)
	c.startAt(a, e.id+500)
	n.cable(true)
	delete(n.unreadable, e.id)
}

// free is the pool's lowest address that nobody has or names.
func (c *cluster) free(s subnet, pool int) netip.Addr {
	named := func(a netip.Addr) bool {
		for _, cf := range c.truth.guests {
			if slices.Contains(namedIn(cf.text), a) {
				return true
			}
		}
		return len(c.watch.table.At(keyOf(a))) > 0
	}
	for r, a := c.pools.Pools[pool].Ranges[0], c.pools.Pools[pool].Ranges[0].First; r.Contains(a); a = a.Next() {
		if !named(a) {
			return a
		}
	}
	return netip.Addr{}
}

// failed is what is left of a guest whose config can't be read.
func (g glance) failed(id pve.VMID, node string) glance {
	known := g.node != "" && (!g.unread || g.known)
	next := glance{version: -1, node: node, unread: true, known: known, parsedConf: g.parsedConf}
	next.guest.Kind, next.guest.VMID, next.guest.Node = pve.Container, id, node
	next.uses = slices.Clone(g.uses)
	for i := range next.uses {
		next.uses[i].Segment.Nodes = node
	}
	return next
}

// beginning is what a process could know when it began.
type beginning struct {
	guests map[pve.VMID]conf
	known  map[pve.VMID]glance // what its node had read of them
	table  *lease.Table
}

func (n *machine) beginning(t *lease.Table) beginning {
	return beginning{guests: maps.Clone(n.etc.guests), known: maps.Clone(n.seen), table: t}
}

// checkNamed checks that an address which the hook writes into a config is named
// by no other since the hook began. Of those that the ledger ever had as the
// other's, other checks tell. One that could not be read, and of which
// nothing was known, may name it if the wire was asked.
func (p *process) checkNamed(id pve.VMID, old, data []byte) {
	had := namedIn(string(old))
	its := func(l lease.Lease) bool { return l.Owner.VMID == id } // whatever others name since
	for _, a := range namedIn(string(data)) {
		if slices.ContainsFunc(p.began.table.At(keyOf(a)), its) {
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(p.began.guests)) {
			cf, now := p.began.guests[other], p.n.etc.guests[other]
			if slices.Contains(had, a) || other == id || !slices.Contains(namedIn(cf.text), a) || !slices.Contains(namedIn(now.text), a) {
				continue
			}
			if p.seen[other].unread && p.began.excuses(other, a, p.said.String()) {
				continue
			}
			if !p.watch.leased[leasedTo{other, a}] {
				p.watch.fail("CT %s gets %s, which the config of CT %s names", id, a, other)
			}
		}
	}
}

// excuses reports whether a process that couldn't read a config may not know
// that it names an address: it was edited since, or nothing is known of it and
// the wire told.
func (b beginning) excuses(id pve.VMID, a netip.Addr, said string) bool {
	g := b.known[id]
	if g.node == "" || g.unread && !g.known {
		return !strings.Contains(said, a.String()+" starts unproven")
	}
	return !slices.ContainsFunc(g.uses, func(u lease.Use) bool { return u.Addr == a })
}

// namedIn are the addresses that a container's config gives it, if it ever
// runs.
func namedIn(text string) (all []netip.Addr) {
	conf := guest.Parse(pve.Container, []byte(text))
	if conf.Template() {
		return nil
	}
	for _, u := range conf.Uses(101) {
		if u.Where != lease.Snapshot {
			all = append(all, u.Addr)
		}
	}
	return all
}

// leasedTo is a guest that the ledger had an address for.
type leasedTo struct {
	id   pve.VMID
	addr netip.Addr
}

// note keeps to whom each address was ever leased.
func (w *watch) note(t *lease.Table) {
	for l := range t.All() {
		w.leased[leasedTo{l.Owner.VMID, l.Addr}] = true
	}
}

// What a config last said counts while it can't be read: CT 103, without our
// hook and stopped, has its addresses by its config alone.
func TestUnreadableConfigIsNotEmpty(t *testing.T) {
	scenario(t, func(s *stage) {
		a, b := s.node("a"), s.node("b")
		s.put(b, 103, "b", addressed(s.truth.guests[103].text, hosts(10)...), false)
		s.settle()
		s.started(102) // reads it, and gets .11
		a.unreadable[103] = true
		s.put(b, 103, "b", s.truth.guests[103].text+"#edited\n", false) // it must be read again
		s.settle()
		s.started(101)
		s.lives(101, hosts(12)...)
	})
}

// Of a config that was never read nothing is known: what can't be proved does
// not start, whatever the pool says, and not the second time either.
func TestUnreadableConfigOfWhichNothingIsKnown(t *testing.T) {
	scenario(t, func(s *stage) {
		for i := range s.pools.Pools {
			s.pools.Pools[i].Unproven = true
		}
		a, b := s.node("a"), s.node("b")
		s.started(102)
		s.halt(102)
		s.put(b, 103, "b", addressed(s.truth.guests[103].text, hosts(11)...), false)
		s.settle()
		a.seen = map[pve.VMID]glance{}
		a.unreadable[103] = true
		a.cable(false)
		for range 2 {
			s.started(101)
			s.lastExit(hook.Failed)
			s.lives(101)
		}
		s.started(102) // has had its addresses before
		s.lives(102, hosts(10)...)
		a.unreadable[103] = false
		s.started(101)
		s.lives(101, hosts(12)...)
	})
}
