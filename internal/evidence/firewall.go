package evidence

import (
	"fmt"
	"net/netip"
	"strings"

	"pve-iplease/internal/firewall"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Firewall is what Proxmox's firewall is told on this node about the filter
// that pins guests to their addresses.
type Firewall struct {
	Cluster  firewall.File
	NFTables bool       // the rules are made by proxmox-firewall, not pve-firewall
	Daemon   bool       // whichever makes them runs
	Guests   []Filtered // of this node, those that have a file, by their numbers
	Unread   []string   // files that could not be read, and why
}

// Filtered is a guest with a firewall file.
type Filtered struct {
	lease.Guest
	File firewall.File
	NICs []guest.NIC
}

// Trap is what makes the filter do something else than it seems to.
type Trap struct {
	Grade Grade
	Text  string
	How   string
	Lines []string // to paste
}

// Traps lists them. It is pure.
func (f Firewall) Traps() []Trap {
	t := traps{Firewall: f}
	for _, why := range f.Unread {
		t.add(Doubtful, "see whether /etc/pve is well", nil, "%s: whether Proxmox's address filter is right can't be told", report.Clean(why))
	}
	t.everywhere()
	for _, g := range f.Guests {
		t.guest(g)
	}
	return t.all
}

// traps is one look.
type traps struct {
	Firewall
	all []Trap
}

func (t *traps) add(g Grade, how string, lines []string, format string, args ...any) {
	t.all = append(t.all, Trap{g, fmt.Sprintf(format, args...), how, lines})
}

func (t *traps) daemon() string {
	if t.NFTables {
		return "proxmox-firewall"
	}
	return "pve-firewall"
}

// everywhere is what concerns all guests.
func (t *traps) everywhere() {
	var wanted []string
	for _, g := range t.Guests {
		if g.File.IPFilter || len(g.File.Sets) > 0 {
			wanted = append(wanted, g.called())
		}
	}
	switch {
	case !t.Cluster.Enable && len(wanted) > 0:
		t.add(Doubtful, "if it is to be, enable the firewall of the datacenter; rules that let you in come first", []string{"pvesh set /cluster/firewall/options --enable 1"},
			"the address filter of %s is not in force: cluster.fw has no 'enable: 1'", strings.Join(wanted, ", "))
	case t.Cluster.Enable && !t.Daemon:
		t.add(Doubtful, "", []string{"systemctl start " + t.daemon()},
			"the firewall is enabled, but %s doesn't run: what is left of its rules knows guests by the addresses that they had then", t.daemon())
	}
	if t.Cluster.Enable && t.Cluster.NoARP && len(wanted) > 0 {
		t.add(Doubtful, "", []string{"pvesh set /cluster/firewall/options --ebtables 1"},
			"cluster.fw has 'ebtables: 0': the address filter of %s leaves ARP alone, so they can claim any address", strings.Join(wanted, ", "))
	}
}

func (t *traps) guest(g Filtered) {
	for _, nic := range g.NICs {
		_, set := g.File.Sets[nic.Index]
		switch {
		case !t.Cluster.Enable || !set && !g.File.IPFilter:
		case !g.File.Enable:
			t.add(Doubtful, "", []string{"pvesh set " + g.path() + "/firewall/options --enable 1"},
				"the address filter of %s is not in force: %s.fw has no 'enable: 1'", g.called(), g.VMID)
			return
		case !nic.Firewall:
			t.add(Doubtful, fmt.Sprintf("set firewall=1 on net%d", nic.Index), nil,
				"the address filter of %s is not in force on net%d, which has no firewall=1", g.called(), nic.Index)
		default:
			t.config(g, nic)
			t.set(g, nic)
		}
	}
}

// config is what the filter makes of a guest's own config.
func (t *traps) config(g Filtered, nic guest.NIC) {
	_, set := g.File.Sets[nic.Index]
	switch {
	case !g.File.IPFilter:
	case g.Kind == pve.VM && !set:
		t.add(Wrong, "give it a set with its address", g.newSet(nic),
			"%s has 'ipfilter: 1' and no set ipfilter-net%d: all of its IPv4 is dropped, and its ARP is not filtered", g.called(), nic.Index)
	case g.Kind != pve.Container:
	case nic.IP == guest.Manual && !t.Cluster.NoARP && !t.NFTables:
		t.add(Wrong, fmt.Sprintf("start it by its hook, which writes the address; or leave ip= out of net%d", nic.Index), nil,
			"%s has 'ipfilter: 1' and ip=manual in net%d, which ebtables refuses: the ARP filters of all guests of this node stay as they are", g.called(), nic.Index)
	}
	if g.File.IPFilter && g.Kind == pve.Container && nic.IP6 == guest.Auto {
		t.add(Doubtful, fmt.Sprintf("give net%d a fixed ip6=, or a set ipfilter-net%d with the prefix", nic.Index, nic.Index), nil,
			"%s has 'ipfilter: 1' and ip6=auto in net%d: what it sends from the address that it makes for itself is dropped", g.called(), nic.Index)
	}
}

// set is what stands in a set of the guest's own.
func (t *traps) set(g Filtered, nic guest.NIC) {
	entries := g.File.Sets[nic.Index]
	name := fmt.Sprintf("ipfilter-net%d", nic.Index)
	alias, wide := "", ""
	for _, e := range entries {
		switch p := e.Prefix(); {
		case !p.IsValid():
			alias = e.Text
		case !e.Not && !p.IsSingleIP():
			wide = e.Text
		}
	}
	if alias != "" {
		t.add(Doubtful, "write addresses in place of aliases", nil,
			"the set %s of %s has the alias %s, at which the making of its ARP filter ends: its ARP is not filtered", name, g.called(), report.Clean(alias))
	}
	if wide != "" {
		t.add(Doubtful, "write single addresses", nil,
			"the set %s of %s has %s: it may use every address of that, whoever they are leased to", name, g.called(), report.Clean(wide))
	}
	for _, p := range []netip.Prefix{nic.Addr, nic.Addr6} {
		if p.IsValid() && g.File.Lacks(nic.Index, p.Addr()) {
			t.add(Wrong, "add it, or delete the set: with 'ipfilter: 1' a container's own address is let through", []string{g.add(nic, p.Addr())},
				"the set %s of %s lacks %s, its address: what it sends is dropped", name, g.called(), p.Addr())
		}
	}
}

// called reads CT 101 (web).
func (g Filtered) called() string {
	name := pve.Owner{Kind: g.Kind, VMID: g.VMID}.Guest()
	if g.Name != "" {
		name += " (" + report.Clean(g.Name) + ")"
	}
	return name
}

// path is where the API has the guest.
func (g Filtered) path() string {
	kind := "lxc"
	if g.Kind == pve.VM {
		kind = "qemu"
	}
	return fmt.Sprintf("/nodes/%s/%s/%s", report.Clean(g.Node), kind, g.VMID)
}

// add is the command that lets an address through.
func (g Filtered) add(nic guest.NIC, a netip.Addr) string {
	return fmt.Sprintf("pvesh create %s/firewall/ipset/ipfilter-net%d --cidr %s", g.path(), nic.Index, a)
}

// newSet makes the guest's set.
func (g Filtered) newSet(nic guest.NIC) []string {
	lines := []string{fmt.Sprintf("pvesh create %s/firewall/ipset --name ipfilter-net%d", g.path(), nic.Index)}
	if nic.Addr.IsValid() {
		lines = append(lines, g.add(nic, nic.Addr.Addr()))
	}
	return lines
}

// filters is what an audit says of them.
func (a *audit) filters() {
	for _, t := range a.Firewall.Traps() {
		a.add(Warning, netip.Addr{}, "firewall", []Step{{What: "correct", How: t.How, Lines: t.Lines}}, "%s", t.Text)
	}
}
