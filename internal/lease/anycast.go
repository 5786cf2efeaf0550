package lease

import (
	"encoding/binary"
	"net/netip"

	"pve-iplease/internal/pve"
)

// anycastHost is from how many host bits on the highest 128 addresses of a
// network are left alone: RFC 2526 keeps them in every network, but nobody who
// makes one of a few hundred addresses means to lose half of it to anycast.
const anycastHost = 16

// Reserved are the spans of an IPv6 network that no host may have: the
// subnet-router anycast address (RFC 4291 §2.6.1), the interface identifiers
// that RFC 5453 lists, and the subnet anycast addresses of RFC 2526, whose
// place depends on whether the identifiers have 64 bits. An IPv4 network has
// none in this sense.
func (p *Pool) Reserved() []pve.Range {
	net := p.Subnet.Masked()
	host := 128 - net.Bits()
	if p.Family() != pve.IPv6 || host < 2 {
		return nil // RFC 6164: a /127 has no anycast address
	}
	router := pve.Range{First: net.Addr(), Last: net.Addr()}
	switch {
	case host == 64:
		return []pve.Range{
			router,
			p.interfaces(0x0200_5eff_fe00_0000, 0x0200_5eff_feff_ffff),
			p.interfaces(0xfdff_ffff_ffff_ff80, 0xfdff_ffff_ffff_ffff),
		}
	case host >= anycastHost:
		last := lastOf(net)
		return []pve.Range{router, {First: withLow(last, low(last)&^0x7f), Last: last}}
	}
	return []pve.Range{router}
}

// anycast says why no host may have an IPv6 address of the subnet; empty if
// one may.
func (p *Pool) anycast(a netip.Addr) string {
	for i, r := range p.Reserved() {
		switch {
		case !r.Contains(a):
		case i == 0:
			return "is the subnet-router anycast address of " + p.Subnet.String()
		default:
			return "is reserved by RFC 5453 for anycast in " + p.Subnet.String()
		}
	}
	return ""
}

// interfaces is the span of these identifiers in a /64.
func (p *Pool) interfaces(first, last uint64) pve.Range {
	net := p.Subnet.Masked().Addr()
	return pve.Range{First: withLow(net, first), Last: withLow(net, last)}
}

// eui64 is the address that a host with this MAC gives itself in the pool's
// network (RFC 4291, appendix A); invalid if there is none.
func (p *Pool) eui64(m pve.MAC) netip.Addr {
	if p.Family() != pve.IPv6 || p.Subnet.Bits() != 64 || m.IsZero() {
		return netip.Addr{}
	}
	id := []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}
	return withLow(p.Subnet.Masked().Addr(), binary.BigEndian.Uint64(id))
}

// low is the lower half of an IPv6 address.
func low(a netip.Addr) uint64 {
	b := a.As16()
	return binary.BigEndian.Uint64(b[8:])
}

// withLow is an IPv6 address with another lower half.
func withLow(a netip.Addr, low uint64) netip.Addr {
	b := a.As16()
	binary.BigEndian.PutUint64(b[8:], low)
	return netip.AddrFrom16(b)
}

// lastOf is the highest address of an IPv6 network.
func lastOf(net netip.Prefix) netip.Addr {
	b := net.Addr().As16()
	for bit := net.Bits(); bit < 128; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom16(b)
}
