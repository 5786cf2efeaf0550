// Package phoenix reads and rewrites the JSON files in which Phoenix describes
// its hypervisor, its containers and its virtual machines.
package phoenix

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/config"
	"pve-iplease/internal/jsontree"
	"pve-iplease/internal/pve"
)

// Site is what some of the files say.
type Site struct {
	Guests []Guest
	// Things are addresses that the files name without giving them to a guest:
	// the host, gateways, name servers.
	Things []Thing
	Net    Net
}

// Net is the network that the hypervisor's file describes, as it is written
// there.
type Net struct{ Bridge, Subnet, Gateway string }

// Guest is a container or a virtual machine.
type Guest struct {
	Place
	pve.Owner
	Name   string
	Bridge string       // empty: not said
	Addr   netip.Prefix // invalid: not a fixed one
	IP     string       // as it is written
}

// Thing is something that has an address.
type Thing struct {
	Place
	Addr netip.Addr
	What string // like the gateway of CT 101
}

// Place is where something stands.
type Place struct {
	File string
	Line int
	Path string
}

func (p Place) problem(format string, args ...any) config.Problem {
	return config.Problem{File: p.File, Line: p.Line, Section: p.Path, Text: fmt.Sprintf(format, args...)}
}

// reader reads one file.
type reader struct {
	Site
	file     string
	problems []config.Problem
}

// Read reads one of the files, whichever it is. What is wrong with it comes as
// problems with line and field, all at once.
func Read(file string, data []byte) (Site, []config.Problem) {
	r := &reader{file: file}
	root, err := jsontree.Parse(string(data))
	if err != nil {
		at := Place{File: file}
		if bad := (*jsontree.SyntaxError)(nil); errors.As(err, &bad) {
			at.Line, at.Path = bad.Line, bad.Path
		}
		return r.Site, []config.Problem{at.problem("the file is no valid JSON: %v", err)}
	}
	lxc, vms, network := root.Find("lxc_configs"), root.Find("vms"), root.Find("network")
	if lxc == nil && vms == nil && network == nil {
		return r.Site, []config.Problem{Place{File: file}.problem(
			"it has none of \"lxc_configs\", \"vms\" and \"network\", so it is no file of Phoenix")}
	}
	if r.is(lxc, jsontree.Object, "lxc_configs") {
		r.containers(lxc)
	}
	if r.is(vms, jsontree.List, "vms") {
		r.machines(vms)
	}
	if r.is(network, jsontree.Object, "network") {
		r.network(network, data)
	}
	return r.Site, r.problems
}

// is reports whether a value is there and of a kind.
func (r *reader) is(v *jsontree.Value, kind jsontree.Kind, path string) bool {
	if v != nil && v.Kind != kind {
		r.fail(v, path, "%s belongs here", map[jsontree.Kind]string{jsontree.Object: "an object", jsontree.List: "a list", jsontree.Text: "a text"}[kind])
	}
	return v != nil && v.Kind == kind
}

func (r *reader) fail(v *jsontree.Value, path, format string, args ...any) {
	r.problems = append(r.problems, Place{r.file, v.Line, path}.problem(format, args...))
}

func (r *reader) containers(list *jsontree.Value) {
	for _, m := range list.Members {
		path := "lxc_configs." + m.Key
		id, err := pve.ParseVMID(m.Key)
		switch {
		case err != nil:
			r.fail(m.Value, path, "%v", err)
		case m.Before > 0:
			r.fail(m.Value, path, "container %s is given twice, first in line %d; keep one of the two", m.Key, m.Before)
		case r.is(m.Value, jsontree.Object, path):
			r.guest(m.Value, path, m.Line, pve.Owner{VMID: id})
		}
	}
}

func (r *reader) machines(list *jsontree.Value) {
	for i, v := range list.Items {
		path := "vms" + jsontree.Index(i)
		if !r.is(v, jsontree.Object, path) {
			continue
		}
		number := v.Find("vmid")
		if number == nil {
			r.fail(v, path, "the machine has no vmid")
			continue
		}
		id, err := pve.ParseVMID(number.Text)
		if err != nil {
			r.fail(number, path+".vmid", "%v", err)
			continue
		}
		r.guest(v, path, number.Line, pve.Owner{Kind: pve.VM, VMID: id})
	}
}

// guest reads what both kinds have: a name and one interface.
func (r *reader) guest(v *jsontree.Value, path string, line int, o pve.Owner) {
	for _, g := range r.Guests {
		if g.VMID == o.VMID {
			r.fail(v, path, "guest %s is given twice, first in line %d; keep one of the two", o.VMID, g.Line)
			return
		}
	}
	g := Guest{Place: Place{r.file, line, path}, Owner: o, Name: text(v, "name")}
	net := v.Find("network_config")
	path += ".network_config"
	if r.is(net, jsontree.Object, path) {
		g.Bridge, g.IP = text(net, "bridge"), text(net, "ip")
		g.Addr = r.prefix(net.Find("ip"), path+".ip")
		r.thing(net.Find("gw"), path+".gw", "gateway of "+o.Guest())
		r.thing(net.Find("nameserver"), path+".nameserver", "name server of "+o.Guest())
		r.thing(net.Find("nameservers"), path+".nameservers", "name server of "+o.Guest())
	}
	r.Guests = append(r.Guests, g)
}

// text is a member that is a text; empty if there is none.
func text(v *jsontree.Value, key string) string {
	if m := v.Find(key); m != nil && m.Kind == jsontree.Text {
		return m.Text
	}
	return ""
}

// prefix reads an address with its prefix length, unless the guest finds its
// address by itself.
func (r *reader) prefix(v *jsontree.Value, path string) netip.Prefix {
	if v == nil || slices.Contains([]string{"", "dhcp", "manual", "auto"}, v.Text) {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v.Text)
	if err != nil || v.Kind != jsontree.Text {
		r.fail(v, path, "%q is no address with its prefix length, like 10.0.0.201/24, nor dhcp", v.Text)
	}
	return p
}

// thing reads addresses, alone or in a list of either kind.
func (r *reader) thing(v *jsontree.Value, path, what string) {
	if v == nil {
		return
	}
	for i, item := range v.Items {
		r.thing(item, path+jsontree.Index(i), what)
	}
	for word := range strings.FieldsFuncSeq(v.Text, func(c rune) bool { return c == ',' || c == ' ' }) {
		a, err := netip.ParseAddr(word)
		if err != nil {
			r.fail(v, path, "%q is no address", word)
			continue
		}
		r.Things = append(r.Things, Thing{Place{r.file, v.Line, path}, a, what})
	}
}

// network collects every address that the hypervisor's file names, as a pools
// file of the same form does.
func (r *reader) network(v *jsontree.Value, data []byte) {
	named, _ := config.Parse("network.json", data)
	for a, path := range named.Named {
		r.Things = append(r.Things, Thing{Place{File: r.file, Path: path}, a, path})
	}
	r.Net.Subnet = text(v, "default_subnet")
	if i := v.Find("interfaces"); i != nil {
		r.Net.Bridge, r.Net.Gateway = text(i, "name"), text(i, "gateway")
	}
}

// Join puts the sites of several files together.
func Join(sites ...Site) (all Site, problems []config.Problem) {
	for _, s := range sites {
		all.Guests = append(all.Guests, s.Guests...)
		all.Things = append(all.Things, s.Things...)
		if s.Net != (Net{}) {
			all.Net = s.Net
		}
	}
	// By address, and what the hypervisor's file says of one before the guests'.
	slices.SortStableFunc(all.Things, func(x, y Thing) int {
		return cmp.Or(x.Addr.Compare(y.Addr), cmp.Compare(x.rank(), y.rank()))
	})
	return all, all.duplicates()
}

func (t Thing) rank() int {
	if t.What == t.Path {
		return 0
	}
	return 1
}

// duplicates names both guests that have one number or one address.
func (s Site) duplicates() (problems []config.Problem) {
	numbers, addresses := map[pve.VMID]Guest{}, map[netip.Addr]Guest{}
	for _, g := range s.Guests {
		twin, again := numbers[g.VMID]
		rival, shared := addresses[g.Addr.Addr()]
		switch {
		case again:
			problems = append(problems, g.problem("guest %s is given twice, first as %s in %s:%d; keep one of the two", g.VMID, twin.Path, twin.File, twin.Line))
		case shared:
			problems = append(problems, g.problem("%s is %s's already, in %s:%d; give one of the two another address", g.Addr.Addr(), rival.title(), rival.File, rival.Line))
		case g.Addr.IsValid():
			addresses[g.Addr.Addr()] = g
		}
		if !again {
			numbers[g.VMID] = g
		}
	}
	return problems
}

// title reads CT 101 (web).
func (g Guest) title() string {
	if g.Name == "" {
		return g.Guest()
	}
	return fmt.Sprintf("%s (%s)", g.Guest(), g.Name)
}
