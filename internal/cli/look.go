package cli

import (
	"context"
	"net/netip"
	"os"
	"slices"

	"pve-iplease/internal/config"
	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/history"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// look is this node's view of all addresses, for the commands that compare.
type look struct {
	*evidence.Snapshot
	host *hook.Host
}

// newLook prepares a view; gather fills it.
func newLook(h *hook.Host) *look {
	l := &look{host: h, Snapshot: &evidence.Snapshot{
		Now: h.Env.Now(), Node: h.Env.Name, Maker: h.Makers.Name, Contested: h.Contested,
		Pools: h.Pools.Pools, Reservations: h.Pools.Reservations, Named: h.Pools.Named,
	}}
	for _, p := range h.Problems {
		l.Remarks = append(l.Remarks, evidence.Remark{Source: "pools", Text: p.Error()})
	}
	return l
}

// blind reports whether so much is missing that what was not found proves
// nothing: the pools, the ledger, or all configs.
func (l *look) blind() bool {
	broken := slices.ContainsFunc(l.host.Problems, func(p config.Problem) bool { return !p.Warning })
	return broken || l.unread()
}

// unread reports whether the ledger or all configs could not be read: then no
// address can be called free.
func (l *look) unread() bool { return l.Unread || l.Inventory.Guests == nil }

// gather asks everything but the network.
func (l *look) gather(ctx context.Context) { l.gatherWith(ctx, evidence.LookAtKernel) }

// gatherWith looks at the kernel in a certain way.
func (l *look) gatherWith(ctx context.Context, kernel func() (evidence.Kernel, error)) {
	h := l.host
	evidence.Sources{
		Ledger: h.Ledger.View, Inventory: h.Inventory, Kernel: kernel,
		DHCP: dhcp.Finder{Path: h.Node.Path, Extra: h.Settings.DHCP}.Find,
		IPAM: func() ([]inventory.IPAMEntry, error) { return inventory.ReadIPAM(h.Node.Path("/etc/pve")) },
	}.Gather(ctx, l.Snapshot)
}

// ear listens on this node's bridges, at the pace of the pool that an address
// belongs to.
func (l *look) ear(k lease.Key) evidence.Prober {
	pace, _ := probe.Preset("default")
	if p := l.Pools.Of(k); p != nil {
		if preset, ok := probe.Preset(p.Probe); ok {
			pace = preset
		}
	}
	return evidence.Prober{
		Pace: pace, Gateways: l.host.Gateways.MAC,
		Open: func(at probe.Place) (evidence.Wire, error) {
			w, _, err := l.host.Open(at)
			return w, err
		},
	}
}

// inspect reads the configs of the guests that the evidence points at.
func (l *look) inspect(ids ...pve.VMID) { l.Inspect(l.readGuest, ids...) }

// readGuest reads a guest's config, on whatever node it is.
func (l *look) readGuest(g lease.Guest) ([]byte, error) {
	folder := "lxc"
	if g.Kind == pve.VM {
		folder = "qemu-server"
	}
	return os.ReadFile(l.host.Node.Path("/etc/pve/nodes/" + g.Node + "/" + folder + "/" + g.VMID.String() + ".conf"))
}

// past reads what this node remembers of some addresses.
func (l *look) past(addrs []netip.Addr) map[netip.Addr][]history.Event {
	wanted := map[string]netip.Addr{}
	for _, a := range addrs {
		wanted[a.String()] = a
	}
	events, bad, err := l.host.History.Read(func(e history.Event) bool { return wanted[e.Addr].IsValid() })
	if err != nil {
		l.Remarks = append(l.Remarks, evidence.Remark{Source: "history", Text: report.Clean(err.Error())})
	}
	if bad > 0 {
		l.Remarks = append(l.Remarks, evidence.Remark{Source: "history", Text: "some of its lines are no events"})
	}
	found := map[netip.Addr][]history.Event{}
	for _, e := range events {
		a := wanted[e.Addr]
		found[a] = append(found[a], e)
	}
	return found
}

// tellRemarks warns of what could not be found out.
func (a *app) tellRemarks(remarks []evidence.Remark) {
	for _, r := range remarks {
		a.log().Warn(r.Source+": "+r.Text, report.Fields{})
	}
}
