package evidence

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// leases compares the ledger with the configs of the guests that run by it. A
// config that still says what it said before the claim is about to be changed.
func (a *audit) leases() {
	for l := range a.Table.All() {
		if l.State != lease.Bound || a.known(l.Addr) {
			continue
		}
		if _, exists := a.guest(l.Owner.VMID); !exists {
			continue
		}
		said := a.configured(l.Owner, l.Addr.Is4())
		if slices.Contains(said, l.Addr) || slices.Contains(said, l.Was) {
			continue
		}
		what := "names no address"
		if len(said) > 0 {
			what = fmt.Sprintf("says %s", said[0])
		}
		a.add(Warning, l.Addr, "", []Step{{What: "restart", How: fmt.Sprintf("at its next start %s gets what the ledger and its config agree on", l.Owner.Guest())}},
			"%s is leased to %s, but net%d of its config %s", l.Addr, a.guestName(l.Owner), l.Owner.NIC, what)
	}
}

// doubts tells of the leases that may be another's, and of those that aren't at an
// administrator's word: where the network can't tell, that decides.
func (a *audit) doubts() {
	for l := range a.Table.All() {
		contested := l.Contested
		if a.Contested != nil {
			contested = a.Contested(l)
		}
		switch {
		case !l.Living() || a.known(l.Addr):
		case contested:
			a.add(Notice, l.Addr, "", []Step{{What: "confirm", How: fmt.Sprintf("a start that the network answers proves it; where none can, see that nobody else has it, then run 'pve-iplease confirm %s'", l.Owner.VMID)}},
				"%s of %s is contested: somebody else had it, named it or was heard with it, and nothing has proved since that it is free", l.Addr, a.guestName(l.Owner))
		case len(l.Vouched) > 0:
			a.add(Notice, l.Addr, "", []Step{{What: "keep", How: "nothing, as long as that is true; who is heard with the address ends it"}},
				"%s of %s is vouched for: by an administrator's word nobody else has it%s",
				l.Addr, a.guestName(l.Owner), a.besides(l.Vouched[1:]))
		}
	}
}

// besides names the guests whose configs name an address all the same.
func (a *audit) besides(others []pve.Owner) string {
	if len(others) == 0 {
		return ""
	}
	var names []string
	for _, o := range others {
		names = append(names, a.guestName(o))
	}
	return ", though its address is named by " + strings.Join(names, " and ")
}

// configured lists what the running config of an interface names.
func (a *audit) configured(o pve.Owner, four bool) []netip.Addr {
	if a.running == nil {
		a.running = map[nic][]netip.Addr{}
		for addr, uses := range a.Inventory.Uses {
			for _, u := range uses {
				if u.Where == lease.Running {
					key := nic{u.Owner.VMID, u.Owner.NIC}
					a.running[key] = append(a.running[key], addr)
				}
			}
		}
	}
	said := slices.Clone(a.running[nic{o.VMID, o.NIC}])
	return sorted(slices.DeleteFunc(said, func(addr netip.Addr) bool { return addr.Is4() != four }))
}

// statics finds addresses that somebody wrote into a config by hand, in a
// range, without the ledger knowing. A guest with our hook tells it at its
// next start.
func (a *audit) statics() {
	if a.Unread {
		return
	}
	for _, addr := range a.addresses() {
		d := a.About(addr, nil, nil)
		if a.known(addr) {
			continue
		}
		for _, r := range d.rights() {
			p := d.leasedBy(r.segment)
			if r.lease != nil || p == nil || !d.named(r.owner) {
				continue
			}
			severity, how := Warning, fmt.Sprintf("attach the hook to %s, or in pool %s of the pools file add", r.owner.Guest(), p.Name)
			if g, _ := a.guest(r.owner.VMID); g.Hooked {
				severity, how = Notice, fmt.Sprintf("its next start makes it a lease; if it is to stay by hand, in pool %s of the pools file add", p.Name)
			}
			a.add(severity, addr, "", []Step{{What: "reserve", How: how, Lines: []string{"exclude " + addr.String()}}},
				"%s is in the range of pool %s, and written by hand into the config of %s: the ledger doesn't know it", addr, p.Name, a.guestName(r.owner))
		}
	}
}

// spans finds pools out of which a DHCP server gives addresses to anybody.
func (a *audit) spans() {
	for _, f := range a.DHCP.Files {
		for _, span := range f.Ranges {
			for _, p := range a.Pools {
				leasable := p.Leasable()
				if !slices.ContainsFunc(leasable, span.Overlaps) {
					continue
				}
				server := f.Format.Server()
				a.add(Warning, netip.Addr{}, "pool "+p.Name, []Step{{
					What: "reconfigure", How: fmt.Sprintf("in %s replace the range %s by", report.Clean(f.Path), span),
					Lines: Exclusion(server, span, leasable),
				}}, "%s gives out %s, which overlaps pool %s (%s)", server, span, p.Name, ranges(leasable))
			}
		}
	}
}

func ranges(all []pve.Range) string {
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = r.String()
	}
	return strings.Join(words, ", ")
}

// reservations finds those that nobody uses, or somebody else.
func (a *audit) reservations() {
	for _, r := range a.Reservations {
		if a.known(r.Addr) {
			continue
		}
		d := a.About(r.Addr, nil, nil)
		if r.Owner.IsZero() {
			for _, o := range d.rights() {
				a.add(Warning, r.Addr, "", (&trial{AddressFacts: d}).reconfigureRight(o), "%s is reserved for no guest%s, but it is %s", r.Addr, comment(r.Comment), o.says(d))
			}
			continue
		}
		g, exists := a.guest(r.Owner.VMID)
		switch has := a.configured(r.Owner, r.Addr.Is4()); {
		case !exists && a.Inventory.Complete:
			a.add(Warning, r.Addr, "", []Step{{What: "remove", How: fmt.Sprintf("take 'reservation: %s' out of the pools file, unless the guest is to come", r.Addr)}},
				"%s is reserved for guest %s, which is on no node%s", r.Addr, r.Owner.VMID, comment(r.Comment))
		case exists && !g.Hooked && !slices.Contains(has, r.Addr):
			a.add(Warning, r.Addr, "", []Step{{What: "attach", How: fmt.Sprintf("attach the hook to %s, or write the address into its config", r.Owner.Guest())}},
				"%s is reserved for %s, which doesn't have our hook and will never ask for it%s", r.Addr, a.guestName(r.Owner), comment(r.Comment))
		case exists && len(has) > 0 && !slices.Contains(has, r.Addr):
			a.add(Notice, r.Addr, "", []Step{{What: "restart", How: "at its next start it gets the reserved address"}},
				"%s is reserved for %s, which has %s", r.Addr, a.guestName(r.Owner), has[0])
		}
	}
}

// ipam compares Proxmox's SDN with the ledger.
func (a *audit) ipam() {
	for _, i := range a.IPAM {
		for _, l := range a.Table.Everywhere(i.Addr) {
			if l.Living() && i.VMID != 0 && i.VMID != l.Owner.VMID && !a.known(i.Addr) {
				a.add(Warning, i.Addr, "", []Step{{What: "correct", How: "delete the entry that is wrong: Datacenter, SDN, IPAM"}},
					"%s is %s %s, but Proxmox's SDN, zone %s, gives it to %s", i.Addr, leaseVerb(l.State), a.guestName(l.Owner), report.Clean(i.Zone), a.entryOwner(i))
			}
		}
	}
}

// cards finds guests with one MAC address, of which only one can be reached.
func (a *audit) cards() {
	owners := map[pve.MAC][]pve.VMID{}
	for id, g := range a.Inventory.Guests {
		for _, m := range g.MACs {
			if !g.Template && !slices.Contains(owners[m], id) {
				owners[m] = append(owners[m], id)
			}
		}
	}
	for m, ids := range owners {
		if len(ids) < 2 {
			continue
		}
		slices.Sort(ids)
		severity := Warning
		if a.spoke[m] {
			severity = Conflict
		}
		v := a.twice(severity, m, ids)
		a.add(v.Severity, netip.Addr{}, m.String(), v.Do, "%s", v.Text)
	}
}

// scripts finds hookscripts without which guests don't start, on every node of
// which that can be seen from here.
func (a *audit) scripts(all []Script) {
	for _, s := range all {
		if s.Problem == "" {
			continue
		}
		names := make([]string, len(s.Guests))
		for i, id := range s.Guests {
			names[i] = id.String()
		}
		do := Step{What: "install", How: fmt.Sprintf("on %s put the program at %s and make it executable", report.Clean(s.Node), report.Clean(s.Path))}
		if s.Path == "" {
			do = Step{What: "move", How: "put the program on a storage that every node has, as local:snippets/pve-iplease is, and set that for the guests"}
		}
		a.add(Warning, netip.Addr{}, s.Volume, []Step{do},
			"on %s the hookscript %s of guest %s %s: Proxmox starts no guest without its hookscript", report.Clean(s.Node), report.Clean(s.Volume), strings.Join(names, ", "), s.Problem)
	}
}
