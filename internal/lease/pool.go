package lease

import (
	"net/netip"
	"slices"
	"time"
)

// Range is an inclusive span of addresses of one family.
type Range struct{ First, Last netip.Addr }

// Contains reports whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Overlaps reports whether the ranges share an address.
func (r Range) Overlaps(o Range) bool {
	return r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0
}

// Without is what a range has left beside another one.
func (r Range) Without(o Range) []Range {
	if !r.Overlaps(o) {
		return []Range{r}
	}
	var left []Range
	if r.First.Less(o.First) {
		left = append(left, Range{r.First, o.First.Prev()})
	}
	if o.Last.Less(r.Last) {
		left = append(left, Range{o.Last.Next(), r.Last})
	}
	return left
}

func (r Range) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

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
	NICs     NICs     // interfaces that get their addresses from it
	Subnet   netip.Prefix
	Gateway  Gateway
	Ranges   []Range
	Excludes []Range

	Strategy Strategy
	KeepDHCP bool          // `dhcp keep`: a NIC with ip=dhcp is left alone
	Fail     bool          // `on-conflict fail`: never renumber, refuse the start
	Unproven bool          // `unproven start`: start a fresh lease that could not be proved
	Hold     time.Duration // how long a stopped guest's address is kept from others
	Probe    string        // name of the probe preset: default, fast, careful, rfc5227
	Quiet    bool          // `announce no`: neighbours aren't told of an address's new MAC
}

// Segment is the network the pool's addresses live in.
func (p *Pool) Segment() Segment { return NewSegment(p.Bridge, p.VLAN, p.Nodes...) }

// Family is that of the pool's addresses.
func (p *Pool) Family() Family { return FamilyOf(p.Subnet.Addr()) }

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
	return p.ranges(a) && !slices.ContainsFunc(p.Excludes, func(r Range) bool { return r.Contains(a) })
}

// ranges reports whether a is inside a range, excluded or not.
func (p *Pool) ranges(a netip.Addr) bool {
	return slices.ContainsFunc(p.Ranges, func(r Range) bool { return r.Contains(a) })
}

// Leasable is what the pool's ranges have left beside what is excluded.
func (p *Pool) Leasable() []Range {
	left := p.Ranges
	for _, e := range p.Excludes {
		var next []Range
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
func (p *Pool) Unfit() []Range {
	spans := p.Reserved()
	if net := p.Subnet.Masked(); p.Family() == IPv4 && net.Bits() < 31 {
		last := Range{First: net.Addr()}.at(1<<(32-net.Bits()) - 1)
		spans = append(spans, Range{net.Addr(), net.Addr()}, Range{last, last})
	}
	if gw := p.Gateway.Addr; gw.IsValid() {
		spans = append(spans, Range{gw, gw})
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
	Owner   Owner // zero: for nobody
	Comment string
}

// Pins reports whether the address is kept for exactly this interface. The
// VMID alone names the guest: a pools file doesn't say of which kind it is.
func (r Reservation) Pins(o Owner) bool {
	return !r.Owner.IsZero() && r.Owner.VMID == o.VMID && r.Owner.NIC == o.NIC
}
