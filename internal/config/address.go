package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// parseAddr reads one IPv4 address, strictly as Proxmox does: four decimal
// numbers without leading zeros.
func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err == nil && a.Is4():
		return a, nil
	case err == nil:
		return netip.Addr{}, fmt.Errorf("%s is an IPv6 address; an IPv4 address like 10.0.0.1 belongs here", quote(s))
	case strings.Contains(err.Error(), "leading zero"):
		return netip.Addr{}, fmt.Errorf("%s has leading zeros; write the numbers without them", quote(s))
	}
	return netip.Addr{}, fmt.Errorf("%s is no IPv4 address like 10.0.0.1", quote(s))
}

// parseAddr6 reads one IPv6 address.
func parseAddr6(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%s is no IPv6 address like 2001:db8::1", quote(s))
	case a.Is4() || a.Is4In6():
		return netip.Addr{}, fmt.Errorf("%s is an IPv4 address; an IPv6 address like 2001:db8::1 belongs here", quote(s))
	}
	return a, nil
}

// parseOf reads an address of one family.
func parseOf(s string, f pve.Family) (netip.Addr, error) {
	if f == pve.IPv6 {
		return parseAddr6(s)
	}
	return parseAddr(s)
}

// parseAny reads an address of the family that it looks like.
func parseAny(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
		return parseAddr6(s)
	}
	return parseAddr(s)
}

// parseSubnet reads a network whose addresses Proxmox accepts in netN's ip=
// and ip6=, which take prefix lengths 8 to 32 and 8 to 128 (PVE::JSONSchema,
// pve_verify_cidrv4 and v6). Host bits are left as they are, for the caller to
// remark on.
func parseSubnet(s string, f pve.Family) (netip.Prefix, error) {
	addr, bits, found := strings.Cut(s, "/")
	a, err := parseOf(addr, f)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case !found:
		return netip.Prefix{}, fmt.Errorf("%s has no prefix length; write it like %s/%d", quote(s), a, [...]int{pve.IPv4: 24, pve.IPv6: 64}[f])
	case err != nil || p.Bits() < 8:
		return netip.Prefix{}, fmt.Errorf("%s has the prefix length %s; allowed are 8 to %d", quote(s), quote(bits), a.BitLen())
	case special(a):
		return netip.Prefix{}, fmt.Errorf("%s holds no addresses for guests (IANA special-purpose)", quote(s))
	}
	return p, nil
}

// special knows the networks in which nobody is given an address. Link-local
// addresses of IPv6 every interface gives itself.
func special(a netip.Addr) bool {
	if a.Is6() {
		return a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() || a.IsLinkLocalUnicast()
	}
	return a.IsLoopback() || a.IsMulticast() || a.As4()[0] == 0 || a.As4()[0] >= 240
}

// parseRange reads FIRST-LAST, a single address, or a CIDR, which stands for
// all of its addresses.
func parseRange(s string, f pve.Family) (pve.Range, error) {
	if first, last, ok := strings.Cut(s, "-"); ok {
		return parseSpan(s, first, last, f)
	}
	if !strings.Contains(s, "/") {
		a, err := parseOf(s, f)
		return pve.Range{First: a, Last: a}, err
	}
	p, err := parseSubnet(s, f)
	if err != nil {
		return pve.Range{}, err
	}
	if p != p.Masked() {
		return pve.Range{}, fmt.Errorf("%s is one address and a network at once; write %s or %s", quote(s), p.Addr(), p.Masked())
	}
	return pve.Range{First: p.Addr(), Last: lastOf(p)}, nil
}

func parseSpan(s, first, last string, family pve.Family) (pve.Range, error) {
	f, errFirst := parseOf(first, family)
	l, errLast := parseOf(last, family)
	switch {
	case errFirst != nil:
		return pve.Range{}, errFirst
	case errLast != nil && !strings.ContainsAny(last, ".:"):
		e := examples[family]
		return pve.Range{}, fmt.Errorf("%s: both ends are whole addresses, like %s", quote(s), e.ranges)
	case errLast != nil:
		return pve.Range{}, errLast
	case f.Compare(l) > 0:
		return pve.Range{}, fmt.Errorf("%s runs backwards; the lower address comes first", quote(s))
	}
	return pve.Range{First: f, Last: l}, nil
}

// lastOf is the highest address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(b); bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func parseGateway(s string, f pve.Family) (lease.Gateway, error) {
	if s == "none" {
		return lease.Gateway{None: true}, nil
	}
	a, err := parseOf(s, f)
	if err != nil {
		return lease.Gateway{}, fmt.Errorf("%w; none is allowed, too", err)
	}
	return lease.Gateway{Addr: a}, nil
}

// ParseGuest reads whom an address is kept for, as a reservation's guest does.
func ParseGuest(s string) (pve.Owner, error) { return parseGuest(s) }

// parseGuest reads whom an address is kept for: 101, ct/101, vm/200/net1.
// A bare number is taken for a container's.
func parseGuest(s string) (pve.Owner, error) {
	for _, full := range []string{"ct/" + s + "/net0", s + "/net0", s} {
		if o, err := pve.ParseOwner(full); err == nil && o.NIC < 32 {
			return o, nil
		}
	}
	if _, err := pve.ParseVMID(s); err != nil && !strings.Contains(s, "/") {
		return pve.Owner{}, err
	}
	return pve.Owner{}, errors.New(quote(s) + " is no guest; write a VMID like 101, or ct/101/net0 or vm/200/net1")
}
