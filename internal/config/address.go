package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"pve-iplease/internal/lease"
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

// parseSubnet reads a network whose addresses Proxmox accepts in netN's ip=,
// which takes prefix lengths 8 to 32 (PVE::JSONSchema, pve_verify_cidrv4).
// Host bits are left as they are, for the caller to remark on.
func parseSubnet(s string) (netip.Prefix, error) {
	addr, bits, found := strings.Cut(s, "/")
	a, err := parseAddr(addr)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case !found:
		return netip.Prefix{}, fmt.Errorf("%s has no prefix length; write it like %s/24", quote(s), a)
	case err != nil || p.Bits() < 8:
		return netip.Prefix{}, fmt.Errorf("%s has the prefix length %s; allowed are 8 to 32", quote(s), quote(bits))
	case a.IsLoopback() || a.IsMulticast() || a.As4()[0] == 0 || a.As4()[0] >= 240:
		return netip.Prefix{}, fmt.Errorf("%s holds no addresses for guests (IANA special-purpose)", quote(s))
	}
	return p, nil
}

// parseRange reads FIRST-LAST, a single address, or a CIDR, which stands for
// all of its addresses.
func parseRange(s string) (lease.Range, error) {
	if first, last, ok := strings.Cut(s, "-"); ok {
		return parseSpan(s, first, last)
	}
	if !strings.Contains(s, "/") {
		a, err := parseAddr(s)
		return lease.Range{First: a, Last: a}, err
	}
	p, err := parseSubnet(s)
	if err != nil {
		return lease.Range{}, err
	}
	if p != p.Masked() {
		return lease.Range{}, fmt.Errorf("%s is one address and a network at once; write %s or %s", quote(s), p.Addr(), p.Masked())
	}
	return lease.Range{First: p.Addr(), Last: lastOf(p)}, nil
}

func parseSpan(s, first, last string) (lease.Range, error) {
	f, errFirst := parseAddr(first)
	l, errLast := parseAddr(last)
	switch {
	case errFirst != nil:
		return lease.Range{}, errFirst
	case errLast != nil && !strings.Contains(last, "."):
		return lease.Range{}, fmt.Errorf("%s: both ends are whole addresses, like 10.0.0.200-10.0.0.239", quote(s))
	case errLast != nil:
		return lease.Range{}, errLast
	case f.Compare(l) > 0:
		return lease.Range{}, fmt.Errorf("%s runs backwards; the lower address comes first", quote(s))
	}
	return lease.Range{First: f, Last: l}, nil
}

// lastOf is the highest address of an IPv4 network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}

func parseGateway(s string) (lease.Gateway, error) {
	if s == "none" {
		return lease.Gateway{None: true}, nil
	}
	a, err := parseAddr(s)
	if err != nil {
		return lease.Gateway{}, fmt.Errorf("%w; none is allowed, too", err)
	}
	return lease.Gateway{Addr: a}, nil
}

// parseGuest reads whom an address is kept for: 101, ct/101, vm/200/net1.
// A bare number is taken for a container's.
func parseGuest(s string) (lease.Owner, error) {
	for _, full := range []string{"ct/" + s + "/net0", s + "/net0", s} {
		if o, err := lease.ParseOwner(full); err == nil && o.NIC < 32 {
			return o, nil
		}
	}
	if _, err := lease.ParseVMID(s); err != nil && !strings.Contains(s, "/") {
		return lease.Owner{}, err
	}
	return lease.Owner{}, errors.New(quote(s) + " is no guest; write a VMID like 101, or ct/101/net0 or vm/200/net1")
}
