package evidence

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Subject is what a person asked about, and the addresses that belong to it.
type Subject struct {
	Title string // "VM 200 (tv) on pve1"; of an address itself: empty
	MAC   pve.MAC
	VMID  pve.VMID
	Addrs []netip.Addr // sorted; empty when none is known
}

// Find resolves an address, a MAC address, a VMID, or the name of a guest or
// of a DHCP server's client. An error names what is nearest.
func (e *Snapshot) Find(arg string) (Subject, error) {
	if a, err := netip.ParseAddr(arg); err == nil && a.Zone() == "" {
		return Subject{Addrs: []netip.Addr{a.Unmap()}}, nil
	}
	if m, err := pve.ParseMAC(arg); err == nil {
		return e.findMAC(m)
	}
	if id, err := pve.ParseVMID(arg); err == nil {
		return e.findGuest(id)
	}
	return e.findName(arg)
}

// findMAC collects the addresses that anything ties to a MAC address.
func (e *Snapshot) findMAC(m pve.MAC) (Subject, error) {
	s := Subject{MAC: m, Title: m.String()}
	if name := e.maker(m); name != "" {
		s.Title += " (" + report.Clean(name) + ")"
	}
	known := len(e.Kernel.stations(m)) > 0
	if g, ok := e.guestByMAC(m); ok {
		s.VMID, known = g.VMID, true
		s.Title += ": " + e.guestName(pve.Owner{VMID: g.VMID})
	}
	s.Addrs = e.addressesOf(func(o pve.MAC) bool { return o == m }, s.VMID)
	if !known && len(s.Addrs) == 0 {
		return s, fmt.Errorf("%s: %w: no guest, lease, neighbour or bridge has it", m, ErrNothing)
	}
	return s, nil
}

// findGuest collects the addresses of a guest: leased, configured, and those
// that its MAC addresses have elsewhere.
func (e *Snapshot) findGuest(id pve.VMID) (Subject, error) {
	g, exists := e.guest(id)
	s := Subject{VMID: id, Title: e.guestName(pve.Owner{Kind: g.Kind, VMID: id})}
	s.Addrs = e.addressesOf(func(m pve.MAC) bool { return !m.IsZero() && slices.Contains(g.MACs, m) }, id)
	if !exists && len(s.Addrs) == 0 {
		var ids []string
		for other := range e.Inventory.Guests {
			ids = append(ids, other.String())
		}
		slices.Sort(ids)
		return s, fmt.Errorf("there is no guest %s%s", id, config.DidYouMean(id.String(), ids))
	}
	return s, nil
}

// findName looks for a guest, then for a DHCP server's client.
func (e *Snapshot) findName(arg string) (Subject, error) {
	var ids []pve.VMID
	var names []string
	for id, g := range e.Inventory.Guests {
		if strings.EqualFold(g.Name, arg) {
			ids = append(ids, id)
		}
		names = append(names, report.Clean(g.Name))
	}
	slices.Sort(ids)
	switch len(ids) {
	case 1:
		return e.findGuest(ids[0])
	case 0:
	default:
		return Subject{}, fmt.Errorf("%d guests are called %q: %v; name one by its VMID", len(ids), report.Clean(arg), ids)
	}
	s := Subject{Title: report.Clean(arg)}
	for _, f := range e.DHCP.Files {
		for _, l := range f.Leases {
			if strings.EqualFold(l.Name, arg) {
				s.Addrs = append(s.Addrs, l.Addr)
			}
			names = append(names, report.Clean(l.Name))
		}
		for _, r := range f.Reservations {
			if strings.EqualFold(r.Name, arg) {
				s.Addrs = append(s.Addrs, r.Addr)
			}
		}
	}
	if len(s.Addrs) == 0 {
		slices.Sort(names)
		return s, fmt.Errorf("%q is no address, and no guest or DHCP client is called so%s", report.Clean(arg), config.DidYouMean(arg, names))
	}
	s.Addrs = sorted(s.Addrs)
	return s, nil
}

// addressesOf collects the addresses of a guest and of MAC addresses.
func (e *Snapshot) addressesOf(mine func(pve.MAC) bool, id pve.VMID) []netip.Addr {
	var all []netip.Addr
	for l := range e.Table.All() {
		if mine(l.MAC) || (id != 0 && l.Owner.VMID == id) {
			all = append(all, l.Addr)
		}
	}
	for a, uses := range e.Inventory.Uses {
		if slices.ContainsFunc(uses, func(u lease.Use) bool { return id != 0 && u.Owner.VMID == id && u.Where != lease.Snapshot }) {
			all = append(all, a)
		}
	}
	for _, n := range e.Kernel.Neighbours {
		if mine(n.MAC) {
			all = append(all, n.Addr)
		}
	}
	for _, f := range e.DHCP.Files {
		for _, l := range f.Leases {
			if mine(l.MAC) && l.Active(e.Now) {
				all = append(all, l.Addr)
			}
		}
	}
	for _, i := range e.IPAM {
		if mine(i.MAC) || (id != 0 && i.VMID == id) {
			all = append(all, i.Addr)
		}
	}
	return sorted(all)
}

// sorted puts IPv4 first and drops link-local addresses, which every
// interface has.
func sorted(all []netip.Addr) []netip.Addr {
	all = slices.DeleteFunc(all, netip.Addr.IsLinkLocalUnicast)
	slices.SortFunc(all, func(a, b netip.Addr) int { return cmp.Or(cmp.Compare(a.BitLen(), b.BitLen()), a.Compare(b)) })
	return slices.Compact(all)
}
