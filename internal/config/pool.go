package config

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/lease"
)

// holdByDefault is how long a stopped guest keeps its address unless the pool
// says otherwise.
const holdByDefault = 24 * time.Hour

// pool is a pool in the making.
type pool struct {
	*section
	lease.Pool
	written  netip.Prefix // the subnet, host bits included
	ranges   []span
	excludes []span
	lines    map[string]int // where each property stands
}

func readPool(s *section) *pool {
	p := &pool{section: s, Pool: lease.Pool{
		Name: s.name, Strategy: lease.First, Hold: holdByDefault, Probe: "default",
	}}
	if err := checkName(s.name); err != nil && s.name != "" {
		s.fail(s.line, "%v", err)
	}
	p.lines = s.each(poolWords, p.set)
	p.check()
	return p
}

func (p *pool) set(prop property) (err error) {
	switch v := prop.value; prop.key {
	case "bridge":
		p.Bridge, err = parseBridge(v)
	case "vlan":
		p.VLAN, err = parseVLAN(v)
	case "nodes":
		var nodes []string
		nodes, err = parseNodes(v)
		p.Nodes = append(p.Nodes, nodes...)
	case "subnet":
		p.written, err = parseSubnet(v)
		p.Subnet = p.written.Masked()
	case "gateway":
		p.Gateway, err = parseGateway(v)
	case "range":
		p.ranges = append(p.ranges, p.spans(prop)...)
	case "exclude":
		p.excludes = append(p.excludes, p.spans(prop)...)
	case "strategy":
		p.Strategy, err = choice(v, lease.First, lease.ByVMID, lease.Spread)
	case "dhcp":
		p.KeepDHCP, err = second(v, "lease", "keep")
	case "on-conflict":
		p.Fail, err = second(v, "move", "fail")
	case "unproven":
		p.Unproven, err = second(v, "fail", "start")
	case "hold":
		p.Hold, err = parseHold(v)
	case "probe":
		p.Probe, err = choice(v, "default", "fast", "careful", "rfc5227")
	case "comment":
		p.Comment = v
	}
	return err
}

// check holds the properties against one another.
func (p *pool) check() {
	p.require("bridge", "name the one that the guests' net0 names, like 'bridge vmbr0'")
	p.require("subnet", "name the network that the guests are in, like 'subnet 10.0.0.0/24'")
	if p.Subnet.IsValid() {
		// Never the whole subnet by default: on a network with anything else in
		// it that would give away what a printer, switched off, comes back to.
		p.require("range", "name the addresses to lease, like 'range 10.0.0.200-10.0.0.239'; "+
			"'range "+p.Subnet.String()+"' leases the whole subnet")
		p.checkSubnet()
	} else {
		p.require("range", "name the addresses to lease, like 'range 10.0.0.200-10.0.0.239'")
	}
	slices.Sort(p.Nodes)
	p.Nodes = slices.Compact(p.Nodes)
	p.Ranges, p.Excludes = merge(p.ranges), merge(p.excludes)
	if !p.failed() {
		p.checkLeft()
	}
}

func (p *pool) require(key, advice string) {
	if _, given := p.lines[key]; !given {
		p.fail(p.line, "%s is missing; %s", key, advice)
	}
}

func (p *pool) checkSubnet() {
	if p.written != p.Subnet {
		p.warn(p.lines["subnet"], "subnet: %s has host bits; %s is meant", p.written, p.Subnet)
	}
	inside := func(s span) bool { return p.Subnet.Contains(s.First) && p.Subnet.Contains(s.Last) }
	for _, s := range p.ranges {
		if !inside(s) {
			p.fail(s.line, "range: %s is not inside the subnet %s", s, p.Subnet)
		}
	}
	for _, s := range p.excludes {
		if !inside(s) {
			p.warn(s.line, "exclude: %s is not inside the subnet %s", s, p.Subnet)
		}
	}
	if gw := p.Gateway.Addr; gw.IsValid() && !p.Subnet.Contains(gw) {
		p.warn(p.lines["gateway"], "gateway: %s is outside of the subnet %s; guests may not reach it", gw, p.Subnet)
	}
}

// checkLeft warns of a pool that can never lease anything: the network's own
// and its broadcast address (RFC 3021: none in a /31) and the gateway are
// nobody's.
func (p *pool) checkLeft() {
	holes := slices.Clone(p.excludes)
	one := func(a netip.Addr) { holes = append(holes, span{lease.Range{First: a, Last: a}, 0}) }
	if p.Subnet.Bits() < 31 {
		one(p.Subnet.Addr())
		one(lastOf(p.Subnet))
	}
	if p.Gateway.Addr.IsValid() {
		one(p.Gateway.Addr)
	}
	if !anyLeft(p.Ranges, merge(holes)) {
		p.warn(p.lines["range"], "range: no address is left to lease; widen the range or remove excludes")
	}
}
