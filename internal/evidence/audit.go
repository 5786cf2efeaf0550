package evidence

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Finding is something that disagrees.
type Finding struct {
	Severity Severity   `json:"severity"`
	About    string     `json:"about"`            // an address, a guest, a pool
	Addr     netip.Addr `json:"address,omitzero"` // when it is about one
	Text     string     `json:"text"`
	Do       []Step     `json:"do,omitempty"`
}

// Audit lists everything that disagrees, the worst first: the verdict on each
// address that anything names, and what only shows when all of it is compared.
// It is pure.
func Audit(e *Snapshot, heard []ProbeResult, scripts []Script) []Finding {
	a := &audit{Snapshot: e, heard: heard, spoke: map[pve.MAC]bool{}}
	for _, addr := range a.addresses() {
		a.judge(addr)
	}
	a.leases()
	a.doubts()
	a.statics()
	a.spans()
	a.reservations()
	a.ipam()
	a.cards()
	a.scripts(scripts)
	a.filters()
	slices.SortStableFunc(a.found, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), x.Addr.Compare(y.Addr), cmp.Compare(x.About, y.About))
	})
	return a.found
}

// audit is one comparison.
type audit struct {
	*Snapshot
	heard   []ProbeResult
	found   []Finding
	spoke   map[pve.MAC]bool     // that two guests have, and at least one speaks with
	running map[nic][]netip.Addr // what running configs name, made when needed first
}

// nic names an interface; the kind of its guest isn't always known.
type nic struct {
	vmid pve.VMID
	n    int
}

func (a *audit) add(s Severity, addr netip.Addr, about string, do []Step, format string, args ...any) {
	if addr.IsValid() {
		about = addr.String()
	}
	a.found = append(a.found, Finding{s, about, addr, fmt.Sprintf(format, args...), do})
}

// known reports whether an address was found fault with already.
func (a *audit) known(addr netip.Addr) bool {
	return slices.ContainsFunc(a.found, func(f Finding) bool { return f.Addr == addr })
}

// Mentioned lists the IPv4 addresses that the ledger, configs, reservations, or, within
// a pool's range, anybody else names: what an audit asks the network for.
func (e *Snapshot) Mentioned() []netip.Addr {
	return slices.DeleteFunc((&audit{Snapshot: e}).addresses(), func(a netip.Addr) bool { return !a.Is4() })
}

// addresses are all that the ledger, configs, reservations, or, within a
// pool's range, anybody else names.
func (a *audit) addresses() []netip.Addr {
	var all []netip.Addr
	inRange := func(addr netip.Addr) bool {
		return slices.ContainsFunc(a.Pools, func(p lease.Pool) bool { return p.Contains(addr) })
	}
	for l := range a.Table.All() {
		all = append(all, l.Addr)
	}
	for addr := range a.Inventory.Uses {
		all = append(all, addr)
	}
	for _, r := range a.Reservations {
		all = append(all, r.Addr)
	}
	for _, n := range a.Kernel.Neighbours {
		if inRange(n.Addr) {
			all = append(all, n.Addr)
		}
	}
	for _, f := range a.DHCP.Files {
		for _, l := range f.Leases {
			if l.Active(a.Now) && inRange(l.Addr) {
				all = append(all, l.Addr)
			}
		}
	}
	for _, i := range a.IPAM {
		if inRange(i.Addr) {
			all = append(all, i.Addr)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// judge asks about one address. Who was not asked on the wire may still be in
// the kernel's table.
func (a *audit) judge(addr netip.Addr) {
	d := a.About(addr, a.heard, nil)
	if len(d.Results) == 0 {
		d.Results = a.overheard(addr)
	}
	switch v := Judge(d); {
	case !v.Twice.IsZero():
		a.spoke[v.Twice] = true // said once, by cards
	case v.Severity >= Warning:
		a.add(v.Severity, addr, "", v.Do, "%s", v.Text)
	}
}

// fresh is how long an entry of the neighbour table counts as an answer.
const fresh = 5 * time.Minute

// overheard makes probe results of what the kernel itself talked to.
func (a *audit) overheard(addr netip.Addr) []ProbeResult {
	var all []ProbeResult
	for _, n := range a.Kernel.Neighbours {
		if n.Addr == addr && n.Seen <= fresh && slices.Contains(a.Kernel.Bridges, n.Device) {
			all = append(all, ProbeResult{Segment: pve.NewSegment(n.Device, 0), Addr: addr, Voices: []Responder{{MAC: n.MAC}}})
		}
	}
	return all
}
