package hook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// about says in the journal's fields what a message is about.
func (r *run) about(g lease.Grant, outcome string) report.Fields {
	f := report.Fields{VMID: r.id, Phase: string(r.phase), Outcome: outcome, Reason: g.Why}
	if g.Lease.Addr.IsValid() {
		f.Address = g.Lease.Addr.String()
	}
	if g.Pool != nil {
		f.Pool = g.Pool.Name
	}
	return f
}

func (r *run) info(format string, args ...any) {
	r.Log.Info(fmt.Sprintf(format, args...), r.about(lease.Grant{}, "note"))
}

func (r *run) warn(g lease.Grant, format string, args ...any) {
	r.Log.Warn(fmt.Sprintf(format, args...), r.about(g, "warning"))
}

// fail reports why the phase failed and returns the exit code. An exhausted
// pool is listed, so that an administrator sees whom to ask.
func (r *run) fail(err error) int {
	r.Log.Error(err.Error(), r.about(lease.Grant{}, "failed"))
	var full *lease.ExhaustedError
	if errors.As(err, &full) {
		for i, h := range full.Holders {
			if i == holdersShown {
				r.info("and %d more: 'pve-iplease list' shows all", len(full.Holders)-i)
				break
			}
			r.info("%s %s", h.Addr, h.Why)
		}
	}
	return exitCode(err)
}

// failed is fail for a start that may have claimed something.
func (r *run) failed(err error) int {
	code := r.fail(err)
	r.aftermath()
	return code
}

// holdersShown bounds the list of who fills a pool.
const holdersShown = 20

// leased is the line that a good start leaves in the task log.
func (r *run) leased(s subject, t *assignment) {
	for _, note := range t.g.Notes {
		r.warn(t.g, "%s", note)
	}
	if old := t.g.Want.Current.Addr(); old != t.g.Lease.Addr && slices.Contains(r.declined, old) {
		r.warn(t.g, "%s net%d was %s, is now %s: whoever knows it by the old address must learn the new one", s.guest(r.id), t.nic.Index, old, t.g.Lease.Addr)
	}
	r.Log.Info(fmt.Sprintf("%s net%d has %s", s.guest(r.id), t.nic.Index, r.describe(t.g, t.p)), r.about(t.g, t.g.How.String()))
}

// describe reads 10.0.0.200/24 via 10.0.0.1 from pool lan (new lease: lowest
// free address; nobody answered 12 probes).
func (r *run) describe(g lease.Grant, p proof) string {
	var b strings.Builder
	b.WriteString(lines(g))
	if g.Pool != nil && g.How != lease.Guarded {
		fmt.Fprintf(&b, " from pool %s", g.Pool.Name)
	}
	fmt.Fprintf(&b, " (%s; %s)", g.Why, p)
	return b.String()
}

// lines reads 10.0.0.200/24 via 10.0.0.1.
func lines(g lease.Grant) string {
	if g.Gateway.IsValid() {
		return fmt.Sprintf("%s via %s", g.Address, g.Gateway)
	}
	return g.Address.String()
}

// explain lists why the address was chosen and the others were not.
func (r *run) explain(g lease.Grant) {
	if !r.opt.Explain {
		return
	}
	r.info("%s: %s: %s", g.Lease.Addr, g.How, g.Why)
	for _, p := range g.Passed {
		r.info("%s was passed over: it %s", p.Addr, p.Why)
	}
}

// released tells that a run has ended; how is what the guest did.
func (r *run) released(l lease.Lease, how string) {
	r.Log.Info(fmt.Sprintf("%s %s: %s is kept for it until the pool needs it", l.Owner.Guest(), how, l.Addr), r.about(lease.Grant{Lease: l}, "released"))
}

// speakers names the hosts that were heard for an address.
func (r *run) speakers(w lease.World, addr netip.Addr, res probe.Result) string {
	var names []string
	for _, a := range res.Answers {
		if a.Addr != addr {
			continue
		}
		for _, m := range a.MACs {
			names = append(names, m.String()+" ("+r.host(w, m, res)+")")
		}
	}
	return strings.Join(names, " and ")
}

// host says what is known of a MAC address that was heard; see identity.
func (r *run) host(w lease.World, m pve.MAC, res probe.Result) string {
	return r.identity(w, m, portOf(m, res))
}

// identity says what is known of a MAC address: the guest that has it, its
// maker, and the bridge port it was heard on, if that is known. Who spoke is
// told by the port: a MAC can be anybody's.
func (r *run) identity(w lease.World, m pve.MAC, port string) string {
	g, known := guestOf(w, m, r.id)
	at, _, guest := pve.PortOwner(port)
	var who string
	switch {
	case guest && (!known || g.VMID != at.VMID):
		who = at.Guest()
		if there, ok := w.Inventory.Guests[at.VMID]; ok {
			who = guestName(there)
		}
		if known {
			who += ", with the MAC of " + pve.Owner{Kind: g.Kind, VMID: g.VMID}.Guest()
		}
	case known:
		who = guestName(g)
	default:
		who = r.maker(m)
	}
	if port != "" {
		who += ", port " + port
	}
	return who
}

// portOf is the bridge port on which a MAC address was heard.
func portOf(m pve.MAC, res probe.Result) string {
	for _, a := range res.Answers {
		for i, who := range a.MACs {
			if who == m && i < len(a.Ports) {
				return a.Ports[i]
			}
		}
	}
	return ""
}

// guestOf finds the guest whose config has a MAC address; another than one, if
// there is another: a copy that was restored with it has it too.
func guestOf(w lease.World, m pve.MAC, than pve.VMID) (found lease.Guest, ok bool) {
	for _, g := range w.Inventory.Guests {
		if m.IsZero() || !slices.Contains(g.MACs, m) {
			continue
		}
		if !ok || found.VMID == than || g.VMID != than && g.VMID < found.VMID {
			found, ok = g, true
		}
	}
	return found, ok
}

func guestName(g lease.Guest) string {
	name := pve.Owner{Kind: g.Kind, VMID: g.VMID}.Guest()
	if g.Name != "" {
		name += " " + report.Clean(g.Name)
	}
	return name + " on " + report.Clean(g.Node)
}

// maker tells from a MAC address what kind of host it may be. Only messages
// about strangers come here: it may have to read IEEE's list.
func (r *run) maker(m pve.MAC) string {
	if name := r.Makers.Name(m); name != "" {
		return report.Clean(name)
	}
	return "unknown host"
}
