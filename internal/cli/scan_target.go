package cli

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"pve-iplease/internal/config"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// target is one network that is swept, and what of it.
type target struct {
	segment pve.Segment
	ranges  []pve.Range
	subnet  netip.Prefix // invalid: no pool tells
	gateway netip.Addr   // likewise
	pools   []string
}

// ground is what tells where a network is.
type ground struct {
	node    string
	pools   lease.Pools
	bridges func() (map[string][]netip.Prefix, error) // of this node
}

// maxScan is how many addresses one scan asks for: a /16.
const maxScan = 1 << 16

// targets finds what a person wants to be swept: a pool, a network, or,
// without an argument, the networks of all pools on this node.
func (g ground) targets(arg, bridge string) ([]target, error) {
	if arg == "" {
		return g.everywhere(bridge)
	}
	if p := g.find(arg); p != nil {
		return g.pool(p, bridge)
	}
	network, err := parseNetwork(arg)
	if err != nil {
		return nil, g.unknown(arg)
	}
	return g.network(network, bridge)
}

// find is the pool of a name; of two families that of IPv4.
func (g ground) find(name string) (found *lease.Pool) {
	for i := range g.pools {
		if p := &g.pools[i]; p.Name == name && (found == nil || p.Subnet.Addr().Is4()) {
			found = p
		}
	}
	return found
}

// parseNetwork reads a network or one address.
func parseNetwork(arg string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(arg); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(arg)
	return p.Masked(), err
}

// unknown says that an argument is no pool and no network.
func (g ground) unknown(arg string) error {
	var names []string
	for _, p := range g.pools {
		names = append(names, p.Name)
	}
	return usagef("%q is no pool and no network like 10.0.0.0/24%s", report.Clean(arg), config.DidYouMean(arg, names))
}

// everywhere is a target for each network that pools of this node are in.
func (g ground) everywhere(bridge string) ([]target, error) {
	if bridge != "" {
		return nil, usagef("--bridge belongs to a network: 'pve-iplease scan 10.0.0.0/24 --bridge %s'", report.Clean(bridge))
	}
	var all []target
	for i := range g.pools {
		p := &g.pools[i]
		if !p.Segment().On(g.node) || !p.Subnet.Addr().Is4() {
			continue
		}
		t, err := poolTarget(p)
		if err != nil {
			return nil, err
		}
		all = merge(all, t)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no pool is on this node's bridges; name a network, like 'pve-iplease scan 10.0.0.0/24 --bridge vmbr0'")
	}
	return all, nil
}

// merge puts pools of one network together.
func merge(all []target, t target) []target {
	for i := range all {
		if all[i].segment == t.segment && all[i].subnet == t.subnet {
			all[i].pools = append(all[i].pools, t.pools...)
			return all
		}
	}
	return append(all, t)
}

func (g ground) pool(p *lease.Pool, bridge string) ([]target, error) {
	switch {
	case !p.Segment().On(g.node):
		return nil, fmt.Errorf("pool %s is on %s only; run scan there", p.Name, strings.Join(p.Nodes, ", "))
	case bridge != "":
		return nil, usagef("pool %s is on %s; --bridge belongs to a network", p.Name, p.Segment())
	}
	t, err := poolTarget(p)
	return []target{t}, err
}

// poolTarget is the network around a pool; of one that is too large, the
// pool's own addresses.
func poolTarget(p *lease.Pool) (target, error) {
	t := target{segment: pve.NewSegment(p.Bridge, p.VLAN), subnet: p.Subnet, gateway: p.Gateway.Addr, pools: []string{p.Name}}
	switch {
	case !p.Subnet.Addr().Is4():
		return t, errSix(p.Subnet)
	case size4(p.Subnet) <= maxScan:
		t.ranges = []pve.Range{hosts(p.Subnet)}
	case p.Size() <= maxScan:
		t.ranges = p.Ranges
	default:
		return t, tooLarge("pool "+p.Name, p.Size())
	}
	return t, nil
}

// network finds the bridges that carry a network: those of pools in it or
// around it, or the one with an address in it.
func (g ground) network(n netip.Prefix, bridge string) ([]target, error) {
	switch {
	case !n.Addr().Is4():
		return nil, errSix(n)
	case size4(n) > maxScan:
		return nil, tooLarge(n.String(), size4(n))
	case bridge != "":
		s, err := parseSegment(bridge)
		return []target{{segment: s, ranges: []pve.Range{hosts(n)}}}, err
	}
	var all []target
	for _, p := range g.pools {
		s := pve.NewSegment(p.Bridge, p.VLAN)
		if !p.Segment().On(g.node) || !p.Subnet.Overlaps(n) || slices.ContainsFunc(all, func(t target) bool { return t.segment == s }) {
			continue
		}
		all = append(all, target{segment: s, ranges: []pve.Range{hosts(n)}, subnet: p.Subnet, gateway: p.Gateway.Addr, pools: []string{p.Name}})
	}
	if len(all) > 0 {
		return all, nil
	}
	return g.addressed(n)
}

// addressed finds the bridge that has an address in the network.
func (g ground) addressed(n netip.Prefix) ([]target, error) {
	bridges, err := g.bridges()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(bridges))
	for _, name := range names {
		for _, a := range bridges[name] {
			if a.Overlaps(n) {
				return []target{{segment: pve.NewSegment(name, 0), ranges: []pve.Range{hosts(n)}}}, nil
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("this node has no bridge that could carry %s", n)
	}
	return nil, fmt.Errorf("no pool and no bridge of this node has an address in %s; say which bridge carries it with --bridge (%s)", n, strings.Join(names, ", "))
}

// parseSegment reads vmbr0 or vmbr0.20.
func parseSegment(s string) (pve.Segment, error) {
	if name, tag, found := strings.Cut(s, "."); found {
		n, err := strconv.ParseUint(tag, 10, 16)
		if err != nil || n < 1 || n > 4094 {
			return pve.Segment{}, usagef("%q is no bridge; write vmbr0, or vmbr0.20 for its VLAN 20", report.Clean(s))
		}
		return pve.NewSegment(name, uint16(n)), nil
	}
	return pve.NewSegment(s, 0), nil
}

func errSix(n netip.Prefix) error {
	return fmt.Errorf("%s is IPv6: such a network has more addresses than anybody can ask for; 'pve-iplease whohas ADDRESS' asks for one", n)
}

func tooLarge(what string, size uint64) error {
	return fmt.Errorf("%s has %d addresses; a scan asks for at most %d: name a part of it, like a /16", what, size, maxScan)
}

// size4 is how many addresses an IPv4 network has.
func size4(n netip.Prefix) uint64 { return 1 << (32 - n.Bits()) }

// hosts are the addresses of a network that hosts may have: not its own, and
// not the broadcast address, where there are such (RFC 3021).
func hosts(n netip.Prefix) pve.Range {
	b := n.Masked().Addr().As4()
	for i := n.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	r := pve.Range{First: n.Masked().Addr(), Last: netip.AddrFrom4(b)}
	if n.Bits() < 31 {
		r.First, r.Last = r.First.Next(), r.Last.Prev()
	}
	return r
}

// inquiry is the target as the network is asked.
func (t target) inquiry() evidence.Inquiry {
	q := evidence.Inquiry{Segment: t.segment, Subnet: t.subnet, Gateway: t.gateway}
	for _, r := range t.ranges {
		for a := r.First; r.Contains(a); a = a.Next() {
			q.Addrs = append(q.Addrs, a)
		}
	}
	slices.SortFunc(q.Addrs, netip.Addr.Compare)
	q.Addrs = slices.Compact(q.Addrs)
	return q
}

// String reads "10.0.0.1-10.0.0.254 on vmbr0".
func (t target) String() string {
	words := make([]string, len(t.ranges))
	for i, r := range t.ranges {
		words[i] = r.String()
	}
	return strings.Join(words, ", ") + " on " + t.segment.String()
}

// has reports whether the target asks for an address.
func (t target) has(a netip.Addr) bool {
	return slices.ContainsFunc(t.ranges, func(r pve.Range) bool { return r.Contains(a) })
}
