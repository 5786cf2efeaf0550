package config

import (
	"net/netip"
	"strconv"
	"strings"

	"pve-iplease/internal/jsontree"
)

// name notes the addresses in a text under "network": alone, with a prefix
// length as an interface has it, or inside something longer such as a URL.
func (d *document) name(path []string, text string) {
	for _, word := range strings.FieldsFunc(text, notOfAddress) {
		host, bits, _ := strings.Cut(strings.Trim(word, "./"), "/")
		a, err := netip.ParseAddr(strings.TrimRight(host, "."))
		if err != nil || !a.Is4() || isNetwork(a, bits) {
			continue
		}
		if d.named == nil {
			d.named = map[netip.Addr]string{}
		}
		if _, before := d.named[a]; !before {
			d.named[a] = jsontree.Join(path)
		}
	}
}

func notOfAddress(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '/' }

// isNetwork reports whether ADDRESS/BITS is a whole network, which names
// nobody in it.
func isNetwork(a netip.Addr, bits string) bool {
	n, err := strconv.Atoi(bits)
	if err != nil || n > 30 {
		return false
	}
	p, err := a.Prefix(n)
	return err == nil && p.Addr() == a
}

// describe names the kind of a value in problems.
func describe(v *jsontree.Value) string {
	switch v.Kind {
	case jsontree.Text, jsontree.Number:
		return quote(v.Text)
	case jsontree.Boolean:
		return v.Text
	case jsontree.List:
		return "a list"
	case jsontree.Object:
		return "an object"
	}
	return "null"
}
