package pve

import "net/netip"

// Family is an address family. A pool, a want and a lease each have one; an
// owner may hold a lease in both.
type Family uint8

// The families.
const (
	IPv4 Family = iota
	IPv6
)

func (f Family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

// FamilyOf tells which family a valid address is of.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}
