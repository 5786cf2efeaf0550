package config

import (
	"net/netip"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// reservation is a reservation in the making.
type reservation struct {
	*section
	lease.Reservation
	guestLine int
}

func readReservation(s *section) *reservation {
	p := &reservation{section: s}
	if s.name != "" {
		var err error
		if p.Addr, err = parseAny(s.name); err != nil {
			s.fail(s.line, "%v", err)
		}
	}
	lines := s.each(pinWords, p.set)
	p.guestLine = lines["guest"]
	return p
}

func (p *reservation) set(prop property) (err error) {
	switch prop.key {
	case "guest":
		p.Owner, err = parseGuest(prop.value)
	case "comment":
		p.Comment = prop.value
	}
	return err
}

// settle holds the reservations against the pools and one another. One that
// fails still keeps its address from everybody: whoever wrote it did not want
// the address to be leased to just anyone.
func settle(pins []*reservation, pools []*pool) []lease.Reservation {
	var kept []lease.Reservation
	first := map[netip.Addr]*reservation{}
	byGuest := map[pve.Owner][]*reservation{}
	for _, p := range pins {
		if !p.Addr.IsValid() {
			continue
		}
		if before, again := first[p.Addr]; again {
			p.fail(p.line, "%s is reserved already, in line %d; keep one of the two", p.Addr, before.line)
			continue
		}
		first[p.Addr] = p
		p.checkHomes(pools)
		guest := pve.Owner{VMID: p.Owner.VMID, NIC: p.Owner.NIC} // one VMID is one guest, of whatever kind
		if !p.Owner.IsZero() {
			p.checkGuest(byGuest[guest], pools)
			byGuest[guest] = append(byGuest[guest], p)
		}
		if p.failed() {
			p.Owner = pve.Owner{}
		}
		kept = append(kept, p.Reservation)
	}
	return kept
}

// homes are the pools whose network the address is part of, disabled ones
// included.
func homes(a netip.Addr, pools []*pool) []*pool {
	return slices.DeleteFunc(slices.Clone(pools), func(p *pool) bool { return !p.half(a).Subnet.Contains(a) })
}

func (p *reservation) checkHomes(pools []*pool) {
	at := homes(p.Addr, pools)
	if len(at) == 0 {
		p.warn(p.line, "%s is in no pool's subnet; the reservation has no effect", p.Addr)
	}
	for _, h := range at {
		if h.half(p.Addr).Gateway.Addr == p.Addr {
			p.warn(p.line, "%s is the gateway of pool %s", p.Addr, plain(h.Name))
		}
	}
}

// checkGuest refuses a second address of one family for one NIC on one network.
func (p *reservation) checkGuest(earlier []*reservation, pools []*pool) {
	for _, e := range earlier {
		if p.Addr.Is4() != e.Addr.Is4() {
			continue
		}
		for _, mine := range homes(p.Addr, pools) {
			for _, its := range homes(e.Addr, pools) {
				if mine.Segment().Overlaps(its.Segment()) {
					p.fail(p.guestLine, "guest: %s has %s reserved already, in line %d; "+
						"until one of the two goes, %s is kept from everybody", p.Owner, e.Addr, e.line, p.Addr)
					return
				}
			}
		}
	}
}
