package guest

import (
	"net/netip"
	"strconv"
	"strings"
)

// ipv4Config reads an ip= (PVE::JSONSchema, pve-ipv4-config).
func ipv4Config(s string) (IPMode, netip.Prefix, error) {
	if mode, ok := modeOf(s); ok && mode != Auto {
		return mode, netip.Prefix{}, nil
	}
	addr, bits, _ := strings.Cut(s, "/")
	a, err := ipv4(addr)
	n, ok := prefixLength(bits, 32)
	if err != nil || !ok {
		return Absent, netip.Prefix{}, wantIPv4Net
	}
	return Static, netip.PrefixFrom(a, n), nil
}

// ipv6Config reads an ip6= (PVE::JSONSchema, pve-ipv6-config).
func ipv6Config(s string) (IPMode, netip.Prefix, error) {
	if mode, ok := modeOf(s); ok {
		return mode, netip.Prefix{}, nil
	}
	addr, bits, _ := strings.Cut(s, "/")
	a, err := ipv6(addr)
	n, ok := prefixLength(bits, 128)
	if err != nil || !ok {
		return Absent, netip.Prefix{}, wantIPv6Net
	}
	return Static, netip.PrefixFrom(a, n), nil
}

func modeOf(s string) (IPMode, bool) {
	switch s {
	case "manual":
		return Manual, true
	case "dhcp":
		return DHCP, true
	case "auto":
		return Auto, true
	}
	return Absent, false
}

// prefixLength reads 8 to most; Proxmox lets leading zeros pass and nothing
// shorter than 8.
func prefixLength(s string, most int) (int, bool) {
	if !digits(s) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 8 && n <= most
}
