package lease

import (
	"net/netip"
	"time"

	"pve-iplease/internal/pve"
)

// Rebuild makes a table from what the guests' configs say, for a ledger that
// is lost: every address that exactly one guest with our hook names on a
// pool's segment is that guest's lease, bound until its next stop, or released
// where stopped says so of a guest of this node. An address that two configs
// name is left to who starts first and is proved. What the configs don't tell is
// lost: offers, holds, strangers.
func Rebuild(w World, id string, stopped func(Guest) bool) (t *Table, doubtful []netip.Addr) {
	t = NewTable()
	for addr, uses := range w.Inventory.Uses {
		u, living := w.soleOwner(uses)
		for _, g := range w.Inventory.Given[addr] {
			if !g.of(u.Owner) {
				living++
			}
		}
		switch {
		case living > 1:
			doubtful = append(doubtful, addr)
		case living == 1:
			w.restore(t, u, id, stopped)
		}
	}
	return t, doubtful
}

// soleOwner counts the guests whose running or pending config names an
// address, and returns the running use of the first.
func (w *World) soleOwner(uses []Use) (owner Use, living int) {
	seen := map[pve.Owner]bool{}
	for _, u := range uses {
		if u.Where == Snapshot || w.Inventory.Guests[u.Owner.VMID].Template || seen[u.Owner] {
			continue
		}
		seen[u.Owner] = true
		owner, living = u, living+1
	}
	return owner, living
}

// restore enters a guest's address as its lease, if a pool serves its NIC.
func (w *World) restore(t *Table, u Use, id string, stopped func(Guest) bool) {
	g := w.Inventory.Guests[u.Owner.VMID]
	if !g.Hooked || u.Where != Running {
		return
	}
	l := Lease{
		Owner: u.Owner, Origin: Static, Since: w.Now.Truncate(time.Second),
		Claim: Claim{ID: id, Node: g.Node, At: w.Now.Truncate(time.Second)},
	}
	serving := w.Pools.Serving(g.Node, u.Segment.Bridge, u.Segment.Tag, u.Owner.NIC, pve.FamilyOf(u.Addr))
	if len(serving) == 0 {
		return
	}
	p := among(serving, Key{u.Segment, u.Addr})
	if p == nil {
		p = serving[0]
	}
	l.Key = Key{p.Segment(), u.Addr}
	if p.Contains(u.Addr) {
		l.Origin = FromPool
	}
	for _, r := range w.Reservations {
		if r.Addr == u.Addr && r.Pins(u.Owner) {
			l.Origin = Reserved
		}
	}
	if g.Node == w.Node && stopped(g) {
		l.State = Released
	}
	t.put(l)
}
