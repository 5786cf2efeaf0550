package lease

import (
	"slices"

	"pve-iplease/internal/pve"
)

// others lists the running and pending configs of other living guests that
// name an address on a segment, and to whom Proxmox's SDN has given it.
// Templates never run, so they don't count.
func (w *World) others(k Key, owner pve.Owner) []Use {
	all := slices.DeleteFunc(slices.Clone(w.Inventory.Uses[k.Addr]), func(u Use) bool {
		return u.Owner == owner || u.Where == Snapshot || w.Inventory.Guests[u.Owner.VMID].Template ||
			(!u.Segment.Bridgeless() && !u.Segment.Overlaps(k.Segment))
	})
	for _, u := range w.Inventory.Given[k.Addr] {
		if u.Where == SDN && !u.of(owner) {
			all = append(all, u)
		}
	}
	return all
}

// of reports whether an entry of Proxmox's SDN is of the owner's guest.
func (u Use) of(owner pve.Owner) bool { return u.Owner.VMID != 0 && u.Owner.VMID == owner.VMID }

// asks reports whether the guest whose config names an address will ask us
// before it starts with it again: it has our hook, and a pool serves the NIC.
func (w *World) asks(u Use) bool {
	g := w.Inventory.Guests[u.Owner.VMID]
	return g.Hooked && len(w.Pools.Serving(g.Node, u.Segment.Bridge, u.Segment.Tag, u.Owner.NIC, pve.FamilyOf(u.Addr))) > 0
}

// NamedByOthers says whose config names an address beside the owner's; empty:
// nobody's.
func (w *World) NamedByOthers(k Key, owner pve.Owner) string {
	for _, u := range w.others(k, owner) {
		return u.describe(&w.Inventory)
	}
	return ""
}

// Foreign says to which other owner the ledger gives an address; empty: to
// nobody else.
func (t *Table) Foreign(w World, k Key, owner pve.Owner) string {
	for _, l := range t.At(k) {
		if l.Owner == owner || !l.Living() {
			continue
		}
		switch w.held(&l) {
		case taken:
			return l.describe()
		case expired:
			return "was leased to " + l.Owner.Guest()
		}
	}
	return ""
}

// Lapsed says why an owner can't go on with its own lease without writing to
// the ledger: the pool may be giving the address away at this moment. Empty: it
// can.
func (t *Table) Lapsed(w World, k Key, owner pve.Owner) string {
	for _, l := range t.At(k) {
		if l.Owner == owner && w.held(&l) == expired {
			return "is kept for it no longer: it was stopped for longer than the pool's hold, or released"
		}
	}
	return ""
}
