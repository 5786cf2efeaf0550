package lease

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// spareCount is how many addresses are asked for beside the claimed one, so
// that a taken address is replaced without a new window on the wire.
const spareCount = 2

// Acquire gives every want an address and records it, or returns an error and
// leaves the table in a state that must not be stored. A want that changes
// nothing changes no record.
func (t *Table) Acquire(w World, c Claim, wants []Want) ([]Grant, error) {
	grants := make([]Grant, 0, len(wants))
	for _, want := range wants {
		a := acquisition{t: t, w: &w, claim: c, want: want}
		g, err := a.decide()
		if err = cmp.Or(err, a.alive, a.unseen); err != nil {
			return nil, err
		}
		grants = append(grants, g)
	}
	oneGateway(grants)
	t.shareSpares(&w, grants)
	if t.changed { // it is written anyway
		t.NoteMissing(w)
		t.ForgetMarks(w)
		t.forgetNodes(w)
		t.noteAlive(&w)
	}
	return grants, nil
}

// acquisition is one want being decided.
type acquisition struct {
	t     *Table
	w     *World
	claim Claim
	want  Want
	pools []*Pool // that serve the NIC, in the order of the configuration
	own   *Lease  // the owner's lease on this segment
	notes []string
	alive error // somebody may run with what was taken
	// unseen is that this node may have what was taken itself.
	unseen error
}

// decide is the order of rights: a reservation, then the ledger, then what
// the guest's config says, then the pool.
func (a *acquisition) decide() (Grant, error) {
	a.servers()
	if len(a.pools) == 0 {
		return Grant{}, ErrNoPool
	}
	cur := a.want.Current.Addr()
	a.own = a.ownLease()
	if a.own != nil && a.own.Origin == Static && a.own.Addr != cur {
		a.own = nil // the administrator took back what he wrote
	}
	if pin, ok := a.reservation(); ok {
		return a.pinned(pin)
	}
	switch {
	case a.want.Move:
		return a.fresh()
	case a.own != nil && cur == a.own.Addr:
		return a.renew()
	case a.own != nil && (!cur.IsValid() || cur == a.own.Was):
		return a.resume()
	case !cur.IsValid():
		return a.fresh()
	}
	return a.inherit(cur)
}

// servers finds the pools that serve the NIC.
func (a *acquisition) servers() {
	a.pools = a.w.Pools.Serving(a.w.Node, a.want.Bridge, a.want.Tag, a.want.Owner.NIC, a.want.Family)
}

// inherit judges an address that the guest's config names and that is not
// the owner's lease.
func (a *acquisition) inherit(cur netip.Addr) (Grant, error) {
	holder := ""
	if slices.ContainsFunc(a.pools, func(p *Pool) bool { return p.Contains(cur) }) {
		holder = a.holder(cur)
	} else if why := a.occupant(cur); why != "" {
		return Grant{}, &ConflictError{Addr: cur, Reason: fmt.Sprintf("is static in the config of %s, but %s: give one of the two another address", a.want.Owner.Guest(), why)}
	}
	if holder != "" {
		a.note("%s, which net%d names, %s", cur, a.want.Owner.NIC, holder)
		if a.own != nil {
			return a.resume()
		}
		return a.fresh()
	}
	if why, ok := a.w.Inventory.Never[cur]; ok {
		return Grant{}, &ConflictError{Addr: cur, Reason: fmt.Sprintf("is %s: set another address on net%d of %s, or ip=manual to get one from the pool",
			why, a.want.Owner.NIC, a.want.Owner.Guest())}
	}
	for _, p := range a.pools {
		if !p.Contains(cur) {
			continue
		}
		if why := a.w.barred(p, a.want.Owner, cur); why != "" {
			a.note("%s, which net%d names, %s", cur, a.want.Owner.NIC, why)
			return a.fresh()
		}
		shared := a.warnOfOthers(cur)
		g := a.withSpares(a.take(p, cur, Adopted, FromPool, "net"+fmt.Sprint(a.want.Owner.NIC)+" names it and the ledger knows no owner"))
		g.AlsoNamed = g.AlsoNamed || shared
		return g, nil
	}
	shared := a.warnOfOthers(cur)
	g := a.take(a.poolOf(cur), cur, Guarded, Static, "static: outside every range of the pool")
	g.AlsoNamed = g.AlsoNamed || shared
	return g, nil
}

// resume gives the owner the lease that its config doesn't carry: it was
// offered, claimed by a start that failed, or taken out of the config. Somebody
// may have written the address into another config meanwhile.
func (a *acquisition) resume() (Grant, error) {
	others := a.w.others(a.own.Key, a.want.Owner)
	if len(others) == 0 || a.own.Origin != FromPool {
		return a.renew()
	}
	asks := len(others) == 1 && a.w.asks(others[0])
	if asks && a.own.moved() {
		return a.passOn(others[0].Owner)
	}
	g, err := a.fresh()
	if err == nil || !asks {
		a.note("its address %s %s", a.own.Addr, others[0].describe(&a.w.Inventory))
		g.Notes = a.notes
		return g, err
	}
	// The stopped guest that it was taken from by a start that failed: as long
	// as nothing better is left, that one is told at its next start.
	return a.passOn(others[0].Owner)
}

// passOn gives the owner its lease while the config of a stopped guest, which
// asks before it starts, still names the address.
func (a *acquisition) passOn(from pve.Owner) (Grant, error) {
	g, err := a.renew()
	g.PreviousOwner = from
	return g, err
}

// renew gives the owner its own lease again, as long as the address still
// belongs to the network.
func (a *acquisition) renew() (Grant, error) {
	own := *a.own
	p := a.poolOf(own.Addr)
	if own.Origin == Static {
		a.warnOfOthers(own.Addr)
		return a.take(p, own.Addr, Guarded, Static, "static: outside every range of the pool"), nil
	}
	if p == nil {
		a.note("%s is in no pool's subnet any more", own.Addr)
		return a.fresh()
	}
	if why := a.w.barred(p, a.want.Owner, own.Addr); why != "" {
		a.note("its address %s %s", own.Addr, why)
		return a.fresh()
	}
	if !p.Contains(own.Addr) {
		a.note("%s is outside the ranges of pool %s; 'pve-iplease renumber %s' moves it in", own.Addr, p.Name, a.want.Owner.VMID)
	}
	a.warnOfOthers(own.Addr)
	return a.withSpares(a.take(p, own.Addr, Renewed, FromPool, "its lease since "+stamp(own.Claim.At))), nil
}

// pinned grants a reserved address, unless somebody lives there.
func (a *acquisition) pinned(addr netip.Addr) (Grant, error) {
	p := a.poolOf(addr)
	for _, l := range a.t.At(Key{a.segment(p), addr}) {
		if l.Owner == a.want.Owner || l.State == Conflicted {
			continue
		}
		if a.w.held(&l) == taken && l.State != Released {
			return Grant{}, &ConflictError{Addr: addr, Reason: fmt.Sprintf("is reserved for %s but %s: stop that guest and run 'pve-iplease renumber %s'",
				a.want.Owner.Guest(), l.describe(), l.Owner.VMID)}
		}
	}
	for _, u := range a.w.others(Key{a.segment(p), addr}, a.want.Owner) {
		if addr != a.want.Current.Addr() && !a.yields(u) {
			return Grant{}, &ConflictError{Addr: addr, Reason: fmt.Sprintf("is reserved for %s but %s: change that config first",
				a.want.Owner.Guest(), u.describe(&a.w.Inventory))}
		}
	}
	a.warnOfOthers(addr)
	return a.take(p, addr, Pinned, Reserved, "reserved for "+a.want.Owner.Guest()), nil
}

// yields reports whether a config that names an address will give it up by
// itself: its guest is stopped and asks us before it starts again.
func (a *acquisition) yields(u Use) bool {
	for _, l := range a.t.byOwner[u.Owner] {
		if l.Addr == u.Addr && l.State == Released && l.Origin != Static {
			return a.w.asks(u)
		}
	}
	return false
}

// fresh claims the best address of the first pool that has one.
func (a *acquisition) fresh() (Grant, error) {
	var exhausted error
	for _, p := range a.pools {
		best, passed := a.best(p, 1+spareCount)
		if len(best) == 0 {
			exhausted = cmp.Or(exhausted, error(&ExhaustedError{Pool: p.Name, Holders: passed}))
			continue
		}
		if exhausted != nil {
			a.note("%v", exhausted)
		}
		g := a.take(p, best[0].addr, Fresh, FromPool, a.reason(p, best[0]))
		g.PreviousOwner, g.Spares, g.Passed = best[0].from, spares(best, g.Lease.Addr), passed
		return g, nil
	}
	return Grant{}, exhausted
}

// best returns up to n addresses of a pool, best first. Why others were
// passed over is returned when it is asked for, or when there are none.
func (a *acquisition) best(p *Pool, n int) ([]candidate, []Passed) {
	var found [taken][]candidate
	var passed []Passed
	seg := a.segment(p)
	for addr := range p.candidates(a.want.Owner, a.want.MAC) {
		c := a.t.rank(a.w, p, seg, a.want.Owner, pve.Owner{}, addr)
		if a.avoids(addr) {
			c.tier, c.why = taken, a.asked(addr)
		}
		if c.tier == taken {
			if a.w.Explain {
				passed = append(passed, Passed{addr, c.why})
			}
			continue
		}
		found[c.tier] = append(found[c.tier], c)
		if a.w.Explain && c.tier != unused {
			passed = append(passed, Passed{addr, c.tier.describe()})
		}
		if len(found[unused]) == n {
			return found[unused], passed
		}
	}
	var all []candidate
	for tr := range found {
		if tier(tr) > snapshotted {
			slices.SortStableFunc(found[tr], func(x, y candidate) int { return cmp.Compare(x.gen, y.gen) })
		}
		all = append(all, found[tr]...)
	}
	if len(all) == 0 && !a.w.Explain {
		a.w.Explain = true
		return a.best(p, n)
	}
	all = all[:min(n, len(all))]
	return all, slices.DeleteFunc(passed, func(p Passed) bool { return len(all) > 0 && p.Addr == all[0].addr })
}

// avoids reports whether an address is not to be tried: it was asked in this
// run, or it is the one to move away from.
func (a *acquisition) avoids(addr netip.Addr) bool {
	if slices.Contains(a.want.Avoid, addr) {
		return true
	}
	return a.want.Move && (addr == a.want.Current.Addr() || a.own != nil && addr == a.own.Addr)
}

// asked says what came of an address that is not to be tried again.
func (a *acquisition) asked(addr netip.Addr) string {
	for _, l := range a.t.At(Key{a.segment(a.poolOf(addr)), addr}) {
		if l.State == Conflicted {
			return l.describe()
		}
	}
	if slices.Contains(a.want.Avoid, addr) {
		return "was asked already, and not found free"
	}
	return "is the present one"
}

// reason says why a candidate was the best.
func (a *acquisition) reason(p *Pool, c candidate) string {
	switch c.tier {
	case unused:
		if p.Strategy == EUI64 && c.addr == p.eui64(a.want.MAC) {
			return "from its MAC address"
		}
		return p.Strategy.reason()
	case expired:
		return "nothing better is left: longest released"
	}
	return "nothing better is left: it " + c.tier.describe()
}
