package cli

import (
	"fmt"
	"strings"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// surveyScreen shows what was found.
func (a *app) surveyScreen(v *survey) error {
	b := ui.NewPage(a.out)
	line := func(label, format string, args ...any) {
		b.Wrap(fmt.Sprintf(format, args...), fmt.Sprintf("%-9s", label))
	}
	bridge := v.place() + " of " + report.Clean(v.Node)
	switch {
	case v.swept.Closed:
		bridge += ", without an uplink: a network of this node alone"
	case len(v.uplinks) > 0:
		bridge += ", uplink " + report.Clean(strings.Join(v.uplinks, ", "))
	}
	if len(v.others) > 0 {
		bridge += fmt.Sprintf("; for another one: --bridge %s", strings.Join(v.others, ", "))
	}
	line("bridge", "%s", bridge)
	a.networkLines(v, line)
	if v.existing != nil {
		line("pool", "%s serves this network already, with %s; 'pve-iplease pool set' changes it", v.existing.Name, strings.Join(spans(v.existing.Ranges), ", "))
	}
	for _, r := range v.Remarks {
		if r.Source != "pools" { // there are none yet
			line("note", "%s: %s", r.Source, r.Text)
		}
	}
	return b.Show(a.out)
}

func (a *app) networkLines(v *survey, line func(string, string, ...any)) {
	if !v.subnet.IsValid() {
		line("network", "nothing here tells which one it is")
		a.offerLines(v, line)
		return
	}
	network := v.subnet.String()
	switch {
	case v.gateway.IsValid() && v.answers(v.gateway.String()):
		network += fmt.Sprintf(", gateway %s, which answers", v.gateway)
	case v.gateway.IsValid():
		network += fmt.Sprintf(", gateway %s, which does not answer", v.gateway)
	default:
		network += ", no gateway is known"
	}
	line("network", "%s", network)
	answering, others := v.inUse()
	inUse := fmt.Sprintf("%s: %d answer", ui.Plural(answering+others, "address"), answering)
	if others > 0 {
		inUse += fmt.Sprintf(", %d more named by configs, DHCP servers' files or the kernel", others)
	}
	line("in use", "%s", inUse)
	if v.swept.Doubt != "" {
		line("", "but silence proves nothing: %s", report.Sentence(v.swept.Doubt))
	}
	a.offerLines(v, line)
	if v.existing == nil && v.room {
		line("free", "%s is the largest block that nobody is known to use", v.proposal.Block)
	}
}

func (v *survey) answers(addr string) bool {
	for _, h := range v.swept.Heard {
		if h.Addr.String() == addr {
			return true
		}
	}
	return false
}

// offerLines tells who gives out addresses.
func (a *app) offerLines(v *survey, line func(string, string, ...any)) {
	switch {
	case v.deaf != "":
		line("DHCP", "can't be told: %s", report.Sentence(v.deaf))
	case len(v.offers) == 0:
		line("DHCP", "no server offers addresses on the network")
	}
	for _, o := range v.offers {
		where := ""
		if o.Port != "" {
			where = " behind " + report.Clean(o.Port)
		}
		line("DHCP", "%s (%s%s) offers %s: it gives out addresses here, and only its configuration says which", o.Server, o.MAC, where, o.Addr)
	}
}

// poolScreen shows the section as it would be written.
func (a *app) poolScreen(v *survey, p pool) error {
	b := ui.NewPage(a.out)
	fmt.Fprintf(b, "\npool: %s\n", p.name)
	for _, x := range p.props(v) {
		fmt.Fprintf(b, "\t%s %s\n", x.Key, strings.Join(x.Values, ","))
	}
	for _, c := range p.excluded(v) {
		b.Wrap(fmt.Sprintf("%s is left out: %s", c.Range, report.Clean(c.Why)), "  ")
	}
	b.WriteString("\n")
	return b.Show(a.out)
}

// afterScreen says what is left to do elsewhere.
func (a *app) afterScreen(v *survey, p pool) error {
	b := ui.NewPage(a.out)
	for _, c := range p.excluded(v) {
		b.Wrap(fmt.Sprintf("%s is left out of it: %s", c.Range, report.Clean(c.Why)), "")
	}
	if nodes := v.clusterNodes(); nodes > 1 {
		b.Wrap(fmt.Sprintf("it serves all %d nodes: if %s of one is another network, name the others with 'pve-iplease pool set %s --nodes ...'", nodes, v.segment.Bridge, p.name), "")
	}
	for _, o := range v.offers {
		a.exclusion(b, v, p, o.Server.String())
	}
	return b.Show(a.out)
}

func (v *survey) clusterNodes() int { return len(v.host.Node.Members()) }

// exclusion shows how a DHCP server is kept off the pool. How its range reads
// now only its owner knows; shown is what is left of the whole network.
func (a *app) exclusion(b *ui.Page, v *survey, p pool, server string) {
	b.Wrap(fmt.Sprintf("keep the DHCP server %s off %s: its range must leave that out. If it is all of the network now, in its configuration that reads", server, p.span), "")
	for _, s := range []dhcp.Server{dhcp.Dnsmasq, dhcp.ISC, dhcp.Kea} {
		for _, text := range evidence.Exclusion(s, hosts(v.subnet), p.ranges()) {
			fmt.Fprintf(b, "  %-10s %s\n", s, text)
		}
	}
	b.Wrap("and on a router under DHCP: the first and the last address of its range", "")
}
