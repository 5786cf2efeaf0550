package guest

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"pve-iplease/internal/pve"
)

// want is an error that says what a value should have been.
type want string

func (w want) Error() string { return "is not " + string(w) }

// What the formats of PVE::JSONSchema accept.
const (
	wantWord    = want("a name of letters, digits, hyphens, dots and underscores")
	wantMAC     = want("a unicast MAC address")
	wantNumber  = want("a whole number in Proxmox's bounds")
	wantRate    = want("a number that can be a rate")
	wantBoolean = want("1 or 0")
	wantTrunks  = want("a list of VLAN IDs with semicolons between them")
	wantKnown   = want("a value that Proxmox knows")
	wantIPv4    = want("an IPv4 address")
	wantIPv6    = want("an IPv6 address")
	wantIPv4Net = want("dhcp, manual or an IPv4 address with a prefix length from 8 to 32")
	wantIPv6Net = want("auto, dhcp, manual or an IPv6 address with a prefix length from 8 to 128")
)

func word(s string) (string, error) {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return "", wantWord
		}
	}
	return s, nil
}

// hardware reads mac-addr: colons only, and the group bit not set.
func hardware(s string) (pve.MAC, error) {
	if len(s) != len("BC:24:11:00:01:00") || s[2] != ':' {
		return pve.MAC{}, wantMAC
	}
	m, err := pve.ParseMAC(s)
	if err != nil || m[0]&1 != 0 {
		return pve.MAC{}, wantMAC
	}
	return m, nil
}

// integer may carry a sign and leading zeros.
func integer(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, wantNumber
	}
	return n, nil
}

func number(s string) (float64, error) {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, wantRate
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && n == 0 {
		return 0, wantRate
	}
	return n, nil
}

func boolean(s string) (bool, error) {
	is := func(t string) bool { return equalFold(s, t) }
	switch {
	case slices.ContainsFunc([]string{"1", "on", "yes", "true"}, is):
		return true, nil
	case slices.ContainsFunc([]string{"0", "off", "no", "false"}, is):
		return false, nil
	}
	return false, wantBoolean
}

// trunks reads 2;3;4, for a VM with ranges like 5-9.
func trunks(s string, ranges bool) (string, error) {
	for id := range strings.SplitSeq(s, ";") {
		first, last, isRange := strings.Cut(id, "-")
		if !digits(first) || (isRange && (!ranges || !digits(last))) {
			return "", wantTrunks
		}
	}
	return s, nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func oneOf(s string, known ...string) error {
	if !slices.Contains(known, s) {
		return wantKnown
	}
	return nil
}

func ipv4(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return netip.Addr{}, wantIPv4
	}
	return a, nil
}

func ipv6(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Is4() || a.Zone() != "" {
		return netip.Addr{}, wantIPv6
	}
	return a, nil
}
