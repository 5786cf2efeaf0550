package lease

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// Strategy is the order in which a pool's free addresses are tried.
type Strategy string

// The strategies: lowest free address, the guest's id counted from the start
// of the pool, a hash of the owner, and, of IPv6 alone, the address that the
// guest's MAC would give itself (RFC 4291, appendix A).
const (
	First  Strategy = "first"
	ByVMID Strategy = "vmid"
	Spread Strategy = "spread"
	EUI64  Strategy = "eui64"
)

// Gateway says what becomes of gw= in a managed interface's line.
type Gateway struct {
	Addr netip.Addr // written when valid
	None bool       // the guest gets no default route here: gw= is removed
}

// Forever as a pool's hold means that a stopped guest's address is kept until
// an administrator releases it.
const Forever = time.Duration(1<<63 - 1)

// Pool is a named set of addresses of one family on one segment. Its name is a
// label only: ownership is segment and address, so a pool may be renamed
// freely. One section of the pools file with both families makes two pools of
// one name.
type Pool struct {
	Name     string
	Comment  string
	Bridge   string
	VLAN     uint16   // 0: untagged
	Nodes    []string // nodes whose bridge this is; empty: all
	NICs     pve.NICs // interfaces that get their addresses from it
	Subnet   netip.Prefix
	Gateway  Gateway
	Ranges   []pve.Range
	Excludes []pve.Range

	Strategy Strategy
	KeepDHCP bool          // `dhcp keep`: a NIC with ip=dhcp is left alone
	Fail     bool          // `on-conflict fail`: never renumber, refuse the start
	Unproven bool          // `unproven start`: start a fresh lease that could not be proved
	Hold     time.Duration // how long a stopped guest's address is kept from others
	Probe    string        // name of the probe preset: default, fast, careful, rfc5227
	Quiet    bool          // `announce no`: neighbours aren't told of an address's new MAC
}

// Segment is the network the pool's addresses live in.
func (p *Pool) Segment() pve.Segment { return pve.NewSegment(p.Bridge, p.VLAN, p.Nodes...) }

// Family is that of the pool's addresses.
func (p *Pool) Family() pve.Family { return pve.FamilyOf(p.Subnet.Addr()) }

// Serves reports whether the pool is meant for NICs on this bridge and tag
// of this node.
func (p *Pool) Serves(node, bridge string, tag uint16) bool {
	return p.Bridge == bridge && p.VLAN == tag && (len(p.Nodes) == 0 || slices.Contains(p.Nodes, node))
}

// Reaches reports whether a guest in the pool's network can have a gateway as
// its neighbour: it is in the subnet, or, as routers of IPv6 are, link-local.
func (p *Pool) Reaches(gateway netip.Addr) bool {
	return p.Subnet.Contains(gateway) || gateway.Is6() && gateway.IsLinkLocalUnicast()
}

// Contains reports whether the pool may lease a: inside a range, not excluded.
func (p *Pool) Contains(a netip.Addr) bool {
	return p.ranges(a) && !slices.ContainsFunc(p.Excludes, func(r pve.Range) bool { return r.Contains(a) })
}

// ranges reports whether a is inside a range, excluded or not.
func (p *Pool) ranges(a netip.Addr) bool {
	return slices.ContainsFunc(p.Ranges, func(r pve.Range) bool { return r.Contains(a) })
}

// Leasable is what the pool's ranges have left beside what is excluded.
func (p *Pool) Leasable() []pve.Range {
	left := p.Ranges
	for _, e := range p.Excludes {
		var next []pve.Range
		for _, r := range left {
			next = append(next, r.Without(e)...)
		}
		left = next
	}
	return left
}

// Unfit are the spans of the pool's network that no guest may have, wherever a
// range reaches: the gateway, an IPv4 network's own and its broadcast address
// (RFC 3021: none in a /31), and what Reserved says of IPv6.
func (p *Pool) Unfit() []pve.Range {
	spans := p.Reserved()
	if net := p.Subnet.Masked(); p.Family() == pve.IPv4 && net.Bits() < 31 {
		last := pve.Range{First: net.Addr()}.At(1<<(32-net.Bits()) - 1)
		spans = append(spans, pve.Range{First: net.Addr(), Last: net.Addr()}, pve.Range{First: last, Last: last})
	}
	if gw := p.Gateway.Addr; gw.IsValid() {
		spans = append(spans, pve.Range{First: gw, Last: gw})
	}
	return spans
}

// Capacity is how many addresses guests can have from the pool, as far as it
// tells by itself.
func (p *Pool) Capacity() uint64 {
	fit := Pool{Ranges: p.Ranges, Excludes: slices.Concat(p.Excludes, p.Unfit())}
	return (&Pool{Ranges: fit.Leasable()}).Size()
}

// Reservation pins an address to one guest's interface, or, without an owner,
// keeps it from everybody.
type Reservation struct {
	Addr    netip.Addr
	Owner   pve.Owner // zero: for nobody
	Comment string
}

// Pins reports whether the address is kept for exactly this interface. The
// VMID alone names the guest: a pools file doesn't say of which kind it is.
func (r Reservation) Pins(o pve.Owner) bool {
	return !r.Owner.IsZero() && r.Owner.VMID == o.VMID && r.Owner.NIC == o.NIC
}
