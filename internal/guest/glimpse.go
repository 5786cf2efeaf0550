package guest

import (
	"net/netip"
	"strconv"
	"strings"

	"pve-iplease/internal/pve"
)

// glimpse is what can be told of an interface's line whatever else is wrong
// with it. Who asks whether an address is taken must not be told no because
// of a typing error beside it, or of a property newer than this program.
type glimpse struct {
	bridge    string
	tag       uint16
	mac       pve.MAC
	ip, ip6   netip.Addr
	gw, gw6   netip.Addr
	addresses bool // ip or ip6 is valid
}

func glimpseOf(value string) glimpse {
	var g glimpse
	for p := range properties(value) {
		g.take(strings.Trim(p.key, blanks), strings.Trim(p.value, blanks))
	}
	g.addresses = g.ip.IsValid() || g.ip6.IsValid()
	return g
}

func (g *glimpse) take(key, value string) {
	switch key {
	case "bridge":
		g.bridge = value
	case "tag":
		if tag, err := strconv.ParseUint(value, 10, 16); err == nil {
			g.tag = uint16(tag)
		}
	case "ip":
		g.ip = anyAddr(value)
	case "ip6":
		g.ip6 = anyAddr(value)
	case "gw":
		g.gw = anyAddr(value)
	case "gw6":
		g.gw6 = anyAddr(value)
	default: // hwaddr, macaddr, or a VM's model
		if m, err := hardware(value); err == nil {
			g.mac = m
		}
	}
}

// anyAddr reads an address with or without a prefix length; words like dhcp
// are none.
func anyAddr(s string) netip.Addr {
	if s == "" || (!isDigit(s[0]) && strings.IndexByte(s, ':') < 0) {
		return netip.Addr{} // spares ParseAddr's error
	}
	addr, _, _ := strings.Cut(s, "/")
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Addr{}
	}
	return a.WithZone("")
}
