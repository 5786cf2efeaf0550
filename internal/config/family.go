package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// familyConfig is what a pool says of one family.
type familyConfig struct {
	family   pve.Family
	used     bool
	written  netip.Prefix // the subnet, host bits included
	Subnet   netip.Prefix
	Gateway  lease.Gateway
	Strategy lease.Strategy
	ranges   []span
	excludes []span
	Ranges   []pve.Range
	Excludes []pve.Range
}

// key is the name of a property in this half: range, or range6.
func (h *familyConfig) key(word string) string {
	if h.family == pve.IPv6 {
		return word + "6"
	}
	return word
}

// said reports whether any property of the half is there.
func (h *familyConfig) said(lines map[string]int) bool {
	return slices.ContainsFunc([]string{"subnet", "gateway", "range", "exclude"}, func(word string) bool {
		_, given := lines[h.key(word)]
		return given
	})
}

// set takes a property, named without the half's digit.
func (h *familyConfig) set(s *section, prop property) (err error) {
	switch prop.key {
	case "subnet":
		h.written, err = parseSubnet(prop.value, h.family)
		h.Subnet = h.written.Masked()
	case "gateway":
		h.Gateway, err = parseGateway(prop.value, h.family)
	case "range":
		prop.key = h.key(prop.key)
		h.ranges = append(h.ranges, s.spans(prop, h.family)...)
	case "exclude":
		prop.key = h.key(prop.key)
		h.excludes = append(h.excludes, s.spans(prop, h.family)...)
	}
	return elsewhere(h.key(prop.key), prop.value, h.family, err)
}

// elsewhere adds to an error the property that takes a value of the other
// family.
func elsewhere(key, value string, f pve.Family, err error) error {
	first, _, _ := strings.Cut(value, "-")
	first, _, _ = strings.Cut(first, "/")
	a, bad := netip.ParseAddr(first)
	if err == nil || bad != nil || a.Is4In6() || pve.FamilyOf(a) == f {
		return err
	}
	other := strings.TrimSuffix(key, "6")
	if f == pve.IPv4 {
		other += "6"
	}
	return fmt.Errorf("%w; it belongs to %s", err, other)
}

// examples of what belongs into a half.
var examples = [...]struct{ subnet, ranges string }{
	pve.IPv4: {"10.0.0.0/24", "10.0.0.200-10.0.0.239"},
	pve.IPv6: {"2001:db8::/64", "2001:db8::1000-2001:db8::1fff"},
}

// check holds the half's properties against one another.
func (h *familyConfig) check(p *pool) {
	e := examples[h.family]
	subnet, ranges := h.key("subnet"), h.key("range")
	p.require(subnet, "name the network that the guests are in, like '"+subnet+" "+e.subnet+"'")
	advice := "name the addresses to lease, like '" + ranges + " " + e.ranges + "'"
	if h.Subnet.IsValid() {
		// Never the whole subnet by default: on a network with anything else in
		// it that would give away what a printer, switched off, comes back to.
		p.require(ranges, advice+"; '"+ranges+" "+h.Subnet.String()+"' leases the whole subnet")
		h.checkSubnet(p)
	} else {
		p.require(ranges, advice)
	}
	h.Ranges, h.Excludes = merge(h.ranges), merge(h.excludes)
}

func (h *familyConfig) checkSubnet(p *pool) {
	if h.written != h.Subnet {
		p.warn(p.lines[h.key("subnet")], "%s: %s has host bits; %s is meant", h.key("subnet"), h.written, h.Subnet)
	}
	inside := func(s span) bool { return h.Subnet.Contains(s.First) && h.Subnet.Contains(s.Last) }
	for _, s := range h.ranges {
		if !inside(s) {
			p.fail(s.line, "%s: %s is not inside the subnet %s", h.key("range"), s, h.Subnet)
		}
	}
	for _, s := range h.excludes {
		if !inside(s) {
			p.warn(s.line, "%s: %s is not inside the subnet %s", h.key("exclude"), s, h.Subnet)
		}
	}
	if gw := h.Gateway.Addr; gw.IsValid() && !(&lease.Pool{Subnet: h.Subnet}).Reaches(gw) {
		p.warn(p.lines[h.key("gateway")], "%s: %s is outside of the subnet %s; guests may not reach it", h.key("gateway"), gw, h.Subnet)
	}
}

// checkLeft warns of a half that can never lease anything.
func (h *familyConfig) checkLeft(p *pool) {
	holes := slices.Clone(h.excludes)
	for _, r := range (&lease.Pool{Subnet: h.Subnet, Gateway: h.Gateway}).Unfit() {
		holes = append(holes, span{r, 0})
	}
	if !anyLeft(h.Ranges, merge(holes)) {
		p.warn(p.lines[h.key("range")], "%s: no address is left to lease; widen the range or remove excludes", h.key("range"))
	}
}
