package config

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// holdByDefault is how long a stopped guest keeps its address unless the pool
// says otherwise.
const holdByDefault = 24 * time.Hour

// pool is a pool in the making.
type pool struct {
	*section
	lease.Pool // what both families share
	halves     [2]familyConfig
	strategies [2]lease.Strategy // of strategy and strategy6, as written
	lines      map[string]int    // where each property stands
}

func readPool(s *section) *pool {
	p := &pool{section: s, Pool: lease.Pool{Name: s.name, Hold: holdByDefault, Probe: "default"}}
	p.halves[pve.IPv6].family = pve.IPv6
	if err := checkName(s.name); err != nil && s.name != "" {
		s.fail(s.line, "%v", err)
	}
	p.lines = s.each(poolWords, p.set)
	p.check()
	return p
}

// half is the one that an address belongs to.
func (p *pool) half(a netip.Addr) *familyConfig { return &p.halves[pve.FamilyOf(a)] }

func (p *pool) set(prop property) (err error) {
	four, six := &p.halves[pve.IPv4], &p.halves[pve.IPv6]
	switch prop.key {
	case "subnet", "gateway", "range", "exclude":
		return four.set(p.section, prop)
	case "subnet6", "gateway6", "range6", "exclude6":
		prop.key = prop.key[:len(prop.key)-1]
		return six.set(p.section, prop)
	case "strategy":
		p.strategies[pve.IPv4], err = choice(prop.value, strategies...)
	case "strategy6":
		p.strategies[pve.IPv6], err = choice(prop.value, strategies...)
	default:
		err = p.share(prop.key, prop.value)
	}
	return err
}

var strategies = []lease.Strategy{lease.First, lease.ByVMID, lease.Spread, lease.EUI64}

// share sets what counts for both families.
func (p *pool) share(key, v string) (err error) {
	switch key {
	case "bridge":
		p.Bridge, err = parseBridge(v)
	case "vlan":
		p.VLAN, err = parseVLAN(v)
	case "nodes":
		var nodes []string
		nodes, err = parseNodes(v)
		p.Nodes = append(p.Nodes, nodes...)
	case "nics":
		var nics pve.NICs
		nics, err = parseNICs(v)
		p.NICs |= nics
	case "dhcp":
		p.KeepDHCP, err = second(v, "lease", "keep")
	case "on-conflict":
		p.Fail, err = second(v, "move", "fail")
	case "unproven":
		p.Unproven, err = second(v, "fail", "start")
	case "announce":
		p.Quiet, err = second(v, "yes", "no")
	case "hold":
		p.Hold, err = parseHold(v)
	case "probe":
		p.Probe, err = choice(v, "default", "fast", "careful", "rfc5227")
	case "comment":
		p.Comment = v
	}
	return err
}

// check holds the properties against one another. A pool without a word of
// IPv6 is one of IPv4, whatever it lacks; one with is of both, or of IPv6 alone.
func (p *pool) check() {
	p.require("bridge", "name the one that the guests' net0 names, like 'bridge vmbr0'")
	four, six := &p.halves[pve.IPv4], &p.halves[pve.IPv6]
	six.used = six.said(p.lines)
	four.used = !six.used || four.said(p.lines)
	for i := range p.halves {
		if p.halves[i].used {
			p.halves[i].check(p)
		}
	}
	slices.Sort(p.Nodes)
	p.Nodes = slices.Compact(p.Nodes)
	p.checkStrategies()
	for i := range p.halves {
		if h := &p.halves[i]; h.used && !p.failed() {
			h.checkLeft(p)
		}
	}
}

// checkStrategies settles how each half looks for addresses. eui64 is a thing
// of IPv6, in networks whose interfaces have 64 bits.
func (p *pool) checkStrategies() {
	four, six := &p.halves[pve.IPv4], &p.halves[pve.IPv6]
	key := "strategy6"
	four.Strategy, six.Strategy = p.strategies[pve.IPv4], p.strategies[pve.IPv6]
	if six.Strategy == "" {
		key, six.Strategy = "strategy", four.Strategy
	}
	if four.Strategy == lease.EUI64 {
		four.Strategy = lease.First
	}
	switch {
	case !six.used && (p.strategies[pve.IPv4] == lease.EUI64 || p.strategies[pve.IPv6] != ""):
		p.fail(p.lines[key], "%s: %s is for IPv6 addresses, and the pool has no subnet6", key, six.Strategy)
	case six.Strategy == lease.EUI64 && six.Subnet.IsValid() && six.Subnet.Bits() != 64:
		p.fail(p.lines[key], "%s: eui64 needs a subnet6 with the prefix length 64", key)
	}
}

func (p *pool) require(key, advice string) {
	if _, given := p.lines[key]; !given {
		p.fail(p.line, "%s is missing; %s", key, advice)
	}
}

// pools are what the section makes, one a family.
func (p *pool) pools() (made []lease.Pool) {
	for _, h := range p.halves {
		if !h.used {
			continue
		}
		one := p.Pool
		one.Subnet, one.Gateway, one.Ranges, one.Excludes = h.Subnet, h.Gateway, h.Ranges, h.Excludes
		one.Strategy = lease.First
		if h.Strategy != "" {
			one.Strategy = h.Strategy
		}
		made = append(made, one)
	}
	return made
}
