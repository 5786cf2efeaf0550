package config

import (
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Config is what a pools file says, as far as it could be understood.
type Config struct {
	// Pools are the valid pools in the file's order, a section with both
	// families as two of one name, IPv4 first. No two of them lease one address
	// on one segment; the ranges of each are sorted, disjoint and inside its
	// masked subnet.
	Pools lease.Pools
	// Reservations hold each address at most once. A guest written as a bare
	// number is taken for a container, since the file cannot know better: only
	// VMID and NIC of the owner tell.
	Reservations []lease.Reservation
	// Named are the IPv4 addresses that a JSON document names under "network"
	// outside of the pools, each with the path where it does so first.
	Named map[netip.Addr]string
	// Disabled are the sections that do not count, in the file's order.
	Disabled []Disabled
}

// Parse reads a pools file: JSON when the file's name ends in .json, Proxmox's
// section syntax otherwise. The Config is never nil. The problems come in the
// order of their lines. An empty file of sections is no pools and no problem; a
// JSON document without a list of pools is one.
func Parse(file string, data []byte) (*Config, []Problem) {
	f := &findings{file: file}
	c := &Config{}
	var sections []*section
	switch text, ok := f.decode(data); {
	case !ok:
	case strings.HasSuffix(file, ".json"):
		sections, c.Named = readJSON(f, text)
	default:
		sections = readSections(f, text)
	}
	c.build(sections)
	return c, f.sorted()
}

// build checks the sections, each alone and then against one another, and
// keeps what stands.
func (c *Config) build(sections []*section) {
	var pools []*pool
	var pins []*reservation
	for _, s := range sections {
		switch s.kind {
		case "pool":
			pools = append(pools, readPool(s))
		case "reservation":
			pins = append(pins, readReservation(s))
		default:
			s.fail(s.line, "%s is none of the section types %s%s",
				quote(s.kind), strings.Join(sectionKinds, ", "), didYouMean(s.kind, sectionKinds))
		}
	}
	checkNames(pools)
	checkOverlaps(pools)
	for _, p := range pools {
		if !p.failed() {
			c.Pools = append(c.Pools, p.pools()...)
		}
	}
	c.Reservations = settle(pins, pools)
	for _, s := range sections {
		if s.failed() {
			c.Disabled = append(c.Disabled, disabled(s))
		}
	}
}

// Disabled is a section that does not count because something in it is wrong.
type Disabled struct {
	Kind   string // "pool", "reservation", or the unknown word that stands there
	Name   string // a pool's name, a reservation's address, as written
	Line   int
	Bridge string // empty when missing or unreadable
	VLAN   uint16
	Nodes  []string
	NICs   pve.NICs
	Six    bool   // it was to lease IPv6 addresses, too
	Unsure bool   // VLAN, Nodes or NICs could not be read: it may be meant for any of them
	Why    string // the first thing that is wrong
}

// Unattributed reports whether it isn't even known which section this was: the
// file can't be read, or the mistake stands outside of every section.
func (d Disabled) Unattributed() bool { return d.Kind == "pool" && d.Name == "" && d.Bridge == "" }

// MayServe reports whether the section may have been meant for netN on this
// bridge and tag of this node, so that its silence is no proof that the NIC is
// nobody's to manage. Of a pool whose bridge is unreadable that is so for every
// NIC that it names; one that can't be read at all may have been meant for
// every net0.
func (d Disabled) MayServe(node, bridge string, tag uint16, n int) bool {
	switch {
	case !d.NICs.Has(n) && !d.Unsure:
		return false
	case d.Bridge == "":
		return d.Kind == "pool"
	}
	return d.Bridge == bridge && (d.Unsure ||
		d.VLAN == tag && (len(d.Nodes) == 0 || slices.Contains(d.Nodes, node)))
}

// disabled reads of a section whatever tells which NICs it was meant for.
func disabled(s *section) Disabled {
	d := Disabled{Kind: s.kind, Name: s.name, Line: s.line, Why: s.why}
	for _, p := range s.props {
		var err error
		switch p.key {
		case "bridge":
			d.Bridge, _ = parseBridge(p.value)
		case "vlan":
			d.VLAN, err = parseVLAN(p.value)
		case "nodes":
			var nodes []string
			nodes, err = parseNodes(p.value)
			d.Nodes = append(d.Nodes, nodes...)
		case "nics":
			var nics pve.NICs
			nics, err = parseNICs(p.value)
			d.NICs |= nics
		case "subnet6", "range6":
			d.Six = true
		}
		d.Unsure = d.Unsure || err != nil
	}
	return d
}
