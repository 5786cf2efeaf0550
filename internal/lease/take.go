package lease

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// take records the address for the owner and builds the grant.
func (a *acquisition) take(p *Pool, addr netip.Addr, how How, origin Origin, why string) Grant {
	g := Grant{Want: a.want, Pool: p, How: how, Why: why, Notes: a.notes}
	g.Address, g.Gateway = a.lines(p, addr, how)
	k := Key{a.segment(p), addr}
	g.Former, g.DuplicateMAC = a.former(k), a.twin(addr) != ""
	why, lasting := a.t.contest(a.w, k, a.want.Owner)
	g.Contest = why
	a.askWhoRuns(k)
	for _, l := range a.t.At(k) {
		if l.Owner != a.want.Owner {
			g.Prior = append(g.Prior, l)
		}
	}
	want := Lease{
		Contested: lasting,
		Key:       k, Owner: a.want.Owner, Origin: origin, Claim: a.claim,
		Since: a.claim.At, MAC: a.want.MAC, Was: a.previous(addr), Until: a.want.Until,
	}
	if !a.want.Until.IsZero() {
		want.State = Offered
	}
	// One that is the owner's already may start without a proof: the ledger keeps
	// it from others, and a config that can't be read must not lock anybody out.
	g.AlsoNamed = a.w.Inventory.Blind() != nil && !a.owns(addr)
	if u := a.w.Inventory.blindToItself(); u != nil && !a.owns(addr) {
		a.unseen = fmt.Errorf("%s is new to %s, and %s: no probe from here would find it on the node itself; see why 'ip address' fails, and start again",
			addr, a.want.Owner.Guest(), u)
	}
	g.Lease = a.store(want)
	return g
}

// owns reports whether the owner has a lease of an address already.
func (a *acquisition) owns(addr netip.Addr) bool { return a.own != nil && a.own.Addr == addr }

// former is another MAC than the NIC's that the ledger has for the address.
func (a *acquisition) former(k Key) pve.MAC {
	for _, l := range a.t.At(k) {
		if !l.MAC.IsZero() && l.MAC != a.want.MAC {
			return l.MAC
		}
	}
	return pve.MAC{}
}

// store puts the lease in, unless the one that is there says the same; other
// leases of this owner and family on the segment end.
func (a *acquisition) store(want Lease) Lease {
	for _, l := range a.t.Of(a.want.Owner) {
		if !l.Segment.Overlaps(want.Segment) || pve.FamilyOf(l.Addr) != a.want.Family {
			continue
		}
		if l.Addr != want.Addr {
			a.t.drop(l.Key)
			continue
		}
		// A lease is never made narrower: the nodes it counted on still exist.
		if a.want.Closed || len(a.t.At(Key{want.Segment, l.Addr})) > 1 {
			want.Segment = l.Segment
		}
		want.Extra, want.Vouched = l.Extra, l.Vouched
		if l.says(want) {
			return l
		}
	}
	a.t.put(want)
	return *a.t.byOwner[a.want.Owner][len(a.t.byOwner[a.want.Owner])-1]
}

// says reports whether the record already is what a new claim would write.
// Its own claim then stands: a repeated pre-start on the same boot must not
// move the time that a late post-stop is judged by.
func (l *Lease) says(want Lease) bool {
	if want.State == Offered {
		// An offer never takes anything from a guest that has started.
		return l.State != Offered || want.MAC.IsZero() || l.MAC == want.MAC
	}
	return l.State == want.State && l.Origin == want.Origin && l.MAC == want.MAC && l.Segment == want.Segment &&
		l.Was == want.Was && l.Claim.Node == want.Claim.Node && l.Claim.Boot == want.Claim.Boot &&
		!l.Unproven && l.Missing.IsZero() && (l.Contested || !want.Contested)
}

// previous is what the config names while it is not yet changed to addr.
func (a *acquisition) previous(addr netip.Addr) netip.Addr {
	if cur := a.want.Current.Addr(); cur != addr {
		return cur
	}
	return netip.Addr{}
}

// lines is what the guest's config must say.
func (a *acquisition) lines(p *Pool, addr netip.Addr, how How) (netip.Prefix, netip.Addr) {
	if how == Guarded {
		return a.want.Current, a.want.Gateway
	}
	prefix := netip.PrefixFrom(addr, p.Subnet.Bits())
	switch {
	case p.Gateway.None || a.want.NoGateway:
		return prefix, netip.Addr{}
	case p.Gateway.Addr.IsValid():
		return prefix, p.Gateway.Addr
	case p.Reaches(a.want.Gateway) && a.want.Gateway != addr:
		return prefix, a.want.Gateway
	}
	return prefix, netip.Addr{}
}

// withSpares adds addresses to ask beside the granted one, when it may be
// moved to one of them.
func (a *acquisition) withSpares(g Grant) Grant {
	if g.Movable() {
		best, _ := a.best(g.Pool, 1+spareCount)
		g.Spares = spares(best, g.Lease.Addr)
	}
	return g
}

// reservation finds the address that is pinned to the owner on this segment.
func (a *acquisition) reservation() (netip.Addr, bool) {
	for _, r := range a.w.Reservations {
		if r.Pins(a.want.Owner) && a.poolOf(r.Addr) != nil {
			return r.Addr, true
		}
	}
	return netip.Addr{}, false
}

// ownLease is the owner's lease of the wanted family on this segment.
func (a *acquisition) ownLease() *Lease {
	for _, l := range a.t.Of(a.want.Owner) {
		if l.Segment.Overlaps(a.segment(nil)) && pve.FamilyOf(l.Addr) == a.want.Family {
			return &l
		}
	}
	return nil
}

// segment is where a lease from p lives; without a pool, that of the first
// pool that serves the NIC.
func (a *acquisition) segment(p *Pool) pve.Segment {
	if p == nil {
		p = a.pools[0]
	}
	return a.want.segment(a.w.Node, p)
}

// poolOf is the pool that an address belongs to, of those that serve the NIC.
func (a *acquisition) poolOf(addr netip.Addr) *Pool {
	return among(a.pools, Key{pve.NewSegment(a.want.Bridge, a.want.Tag, a.w.Node), addr})
}

// holder says which other owner the ledger or a reservation gives an address
// to; empty: nobody.
func (a *acquisition) holder(addr netip.Addr) string {
	return cmp.Or(a.reservedFor(addr), a.t.Foreign(*a.w, Key{a.segment(a.poolOf(addr)), addr}, a.want.Owner))
}

// reservedFor says which other guest has a reservation; empty: none.
func (a *acquisition) reservedFor(addr netip.Addr) string {
	for _, r := range a.w.Reservations {
		if r.Addr == addr && !r.Owner.IsZero() && !r.Pins(a.want.Owner) {
			return r.describe()
		}
	}
	return ""
}

// occupant says who else has a static address, by the ledger or a reservation;
// empty: nobody. A guest that stopped and whose config names it no more has
// given it up.
func (a *acquisition) occupant(addr netip.Addr) string {
	k := Key{a.segment(a.poolOf(addr)), addr}
	others := a.w.others(k, a.want.Owner)
	for _, l := range a.t.At(k) {
		named := slices.ContainsFunc(others, func(u Use) bool { return u.Owner == l.Owner })
		if l.Owner == a.want.Owner || !l.Living() || a.w.held(&l) == orphaned || l.State == Released && !named {
			continue
		}
		return l.describe()
	}
	return a.reservedFor(addr)
}

// warnOfOthers notes every other living config that names the address, and
// reports whether there are any.
func (a *acquisition) warnOfOthers(addr netip.Addr) bool {
	others := a.w.others(Key{a.segment(a.poolOf(addr)), addr}, a.want.Owner)
	for _, u := range others {
		a.note("%s also %s", addr, u.describe(&a.w.Inventory))
	}
	return len(others) > 0
}

// twin says whose config names the address in a guest that has the NIC's own
// MAC, as a copy has that was restored with it.
func (a *acquisition) twin(addr netip.Addr) string {
	for _, u := range a.w.others(Key{a.segment(a.poolOf(addr)), addr}, a.want.Owner) {
		if u.Owner.VMID != a.want.Owner.VMID && slices.Contains(a.w.Inventory.Guests[u.Owner.VMID].MACs, a.want.MAC) {
			return u.describe(&a.w.Inventory) + " with the same MAC address"
		}
	}
	return ""
}

func (a *acquisition) note(format string, args ...any) {
	a.notes = append(a.notes, fmt.Sprintf(format, args...))
}
