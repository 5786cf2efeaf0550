package hook

import (
	"net/netip"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// gateway is what to ask of a NIC's gateway. One that is itself a guest may be
// stopped: its silence says nothing about the network.
func (r *run) gateway(w lease.World, nic guest.NIC, addr netip.Addr) probe.Gateway {
	g := probe.Gateway{Addr: addr}
	for _, u := range w.Inventory.Uses[addr] {
		if u.Where != lease.Snapshot && u.Segment.Overlaps(pve.NewSegment(nic.Bridge, nic.Tag)) {
			g.Guests = append(g.Guests, u.Owner.VMID)
		}
	}
	mac, due := r.Gateways.MAC(nic.Bridge, nic.Tag, addr)
	_, guest := guestOf(w, mac, r.id)
	g.Known = due && !guest && len(g.Guests) == 0
	return g
}

// learn remembers the gateways that answered from outside of this node, or by
// a port that nobody can tell, and those that are silent. What is a guest, on
// whatever node, is no such gateway.
func (r *run) learn(w lease.World, on *port, res probe.Result) {
	for addr, s := range res.Gateways {
		if _, guest := guestOf(w, s.MAC, r.id); guest || !s.Outside && s.Port != "" || r.opt.DryRun {
			continue
		}
		if was := r.Gateways.Learn(on.nic.Bridge, on.nic.Tag, addr, s.MAC, s.Port); !was.IsZero() {
			r.warn(lease.Grant{}, "gateway %s answers from %s (%s), and was %s (%s) until now: if nobody changed that router, somebody speaks in its name",
				addr, s.MAC, r.identity(w, s.MAC, s.Port), was, r.identity(w, was, ""))
		}
	}
	for _, addr := range res.Missed {
		if !r.opt.DryRun {
			r.Gateways.Missed(on.nic.Bridge, on.nic.Tag, addr)
		}
	}
	for addr, s := range res.Posers {
		if real, _ := r.Gateways.MAC(on.nic.Bridge, on.nic.Tag, addr); !real.IsZero() && !sameGuest(w, real, s.MAC) {
			r.warn(lease.Grant{}, "%s (%s) answers as gateway %s, which is %s: not believed", s.MAC, r.identity(w, s.MAC, s.Port), addr, real)
		}
	}
}

// sameGuest reports whether two MACs are the same guest's.
func sameGuest(w lease.World, a, b pve.MAC) bool {
	x, ok := guestOf(w, a, 0)
	y, also := guestOf(w, b, 0)
	return ok && also && x.VMID == y.VMID
}
