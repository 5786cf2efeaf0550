package cli

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/report"
)

// use is an address that a guest reports on an interface that Proxmox gave it.
type use struct {
	witness *witness
	nic     guest.NIC
	name    string // of the interface inside
	prefix  netip.Prefix
	segment pve.Segment
}

// judge compares. It is pure.
func (c *comparison) judge() *lived {
	out := &lived{Findings: []liveFinding{}}
	uses := map[pve.VMID][]use{}
	for _, w := range c.guests {
		switch {
		case w.asked():
			out.Compared.Guests++
			uses[w.VMID] = w.uses()
		case w.failed != nil:
			out.Compared.Unasked++
		}
	}
	for _, w := range c.guests {
		leases := c.table.Guest(w.Kind, w.VMID)
		out.Compared.Leases += len(leases)
		for _, l := range leases {
			out.add(w.missing(l, uses[w.VMID]))
		}
		for _, u := range uses[w.VMID] {
			out.add(c.foreign(u))
		}
	}
	out.Findings = append(out.Findings, c.silent()...)
	order := []string{liveConflict, liveWarning, liveUnknown}
	slices.SortStableFunc(out.Findings, func(a, b liveFinding) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return out
}

func (l *lived) add(f liveFinding) {
	if f.Text != "" {
		l.Findings = append(l.Findings, f)
	}
}

// uses are the addresses that count: those of the interfaces that the guest's
// config names, by their MAC address. What is inside the guest alone, such as
// the network of containers in it, is none of the cable's.
func (w *witness) uses() []use {
	var all []use
	for _, nic := range w.nics() {
		i := slices.IndexFunc(w.reports, func(i pveapi.Interface) bool { return !nic.MAC.IsZero() && i.MAC == nic.MAC })
		if i < 0 {
			continue
		}
		for _, p := range w.reports[i].Addrs {
			all = append(all, use{w, nic, report.Clean(w.reports[i].Name), p, pve.NewSegment(nic.Bridge, nic.Tag, w.Node)})
		}
	}
	return all
}

// missing judges one lease by what its owner reports.
func (w *witness) missing(l lease.Lease, uses []use) liveFinding {
	f := liveFinding{Guest: guestKey(w), Address: l.Addr.String(), leased: true}
	who := w.title()
	switch {
	case l.State != lease.Bound && !(l.State == lease.Released && w.asked()):
		return liveFinding{} // nobody says that it is in use
	case w.failed != nil:
		f.Kind, f.Text = liveUnknown, fmt.Sprintf("%s, leased %s: %s", who, l.Addr, report.Sentence(w.failed.Error()))
		return f
	case w.status == "":
		f.Kind, f.Text = liveUnknown, fmt.Sprintf("%s, leased %s: the cluster doesn't say whether it runs, or not to this token", who, l.Addr)
		return f
	case w.status != statusRunning:
		return liveFinding{} // post-stop or reclaim ends it
	case slices.ContainsFunc(uses, func(u use) bool { return u.prefix.Addr() == l.Addr && u.nic.Index == l.Owner.NIC }):
		return liveFinding{}
	}
	f.Kind = liveWarning
	f.Text = fmt.Sprintf("%s is leased %s on net%d, but has %s there", who, l.Addr, l.Owner.NIC, has(uses, l))
	return f
}

// silent names the guests without a lease that couldn't be asked: they may use
// anybody's address. Those with the same reason are named together.
func (c *comparison) silent() []liveFinding {
	var all []liveFinding
	for _, w := range c.guests {
		bound := func(l lease.Lease) bool { return l.State == lease.Bound }
		if w.failed == nil || slices.ContainsFunc(c.table.Guest(w.Kind, w.VMID), bound) {
			continue
		}
		why := ": " + report.Sentence(w.failed.Error())
		same := func(f liveFinding) bool { return strings.HasSuffix(f.Text, why) }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i].Guest += " " + guestKey(w)
			all[i].Text = strings.TrimSuffix(all[i].Text, why) + ", " + w.title() + why
			continue
		}
		all = append(all, liveFinding{Kind: liveUnknown, Guest: guestKey(w), Text: w.title() + why})
	}
	return all
}

// has lists what a guest has on the interface of a lease instead.
func has(uses []use, l lease.Lease) string {
	var all []string
	for _, u := range uses {
		if a := u.prefix.Addr(); u.nic.Index == l.Owner.NIC && a.Is4() == l.Addr.Is4() && !a.IsLinkLocalUnicast() {
			all = append(all, u.prefix.String())
		}
	}
	if len(all) == 0 {
		return "no address"
	}
	return strings.Join(all, " and ")
}

// foreign judges an address that a guest uses: is it another's lease, or the
// pool's to give?
func (c *comparison) foreign(u use) liveFinding {
	f := liveFinding{Guest: guestKey(u.witness), Address: u.prefix.Addr().String()}
	own := false
	for _, l := range c.table.At(lease.Key{Segment: u.segment, Addr: u.prefix.Addr()}) {
		switch {
		case l.Owner.VMID == u.witness.VMID && l.Owner.Kind == u.witness.Kind:
			own = true
		case l.Living():
			f.Kind = liveConflict
			f.Text = fmt.Sprintf("%s uses %s on %s (net%d), which is leased to %s", u.witness.title(), u.prefix.Addr(), u.name, u.nic.Index, c.name(l.Owner))
			return f
		}
	}
	if p := c.pools.Of(lease.Key{Segment: u.segment, Addr: u.prefix.Addr()}); !own && p != nil && p.Contains(u.prefix.Addr()) {
		f.Kind = liveWarning
		f.Text = fmt.Sprintf("%s uses %s on %s (net%d), which is pool %s's to lease, and not leased to it", u.witness.title(), u.prefix.Addr(), u.name, u.nic.Index, p.Name)
		return f
	}
	return liveFinding{}
}

// name is an owner as people know it.
func (c *comparison) name(o pve.Owner) string {
	for _, w := range c.guests {
		if w.VMID == o.VMID && w.Kind == o.Kind {
			return w.title()
		}
	}
	return o.Guest() + ", which is on no node"
}

// title reads CT 101 (web) on pve1.
func (w *witness) title() string {
	text := pve.Owner{Kind: w.Kind, VMID: w.VMID}.Guest()
	if w.Name != "" {
		text += " (" + report.Clean(w.Name) + ")"
	}
	return text + " on " + report.Clean(w.Node)
}

func guestKey(w *witness) string { return w.Kind.String() + "/" + w.VMID.String() }
