package guest

import (
	"slices"
	"strings"
)

// put gives a property of a property string another value, in place, or adds
// it where a reader would look for it.
func put(s, key, value string) string {
	props := slices.Collect(properties(s))
	if i := find(props, key); i >= 0 {
		to := props[i].to
		return s[:to-len(props[i].value)] + value + s[to:]
	}
	text := key + "=" + value
	if next := successor(props, key); next >= 0 {
		at := props[next].from
		return s[:at] + text + "," + s[at:]
	}
	if len(props) == 0 {
		return text
	}
	last := props[len(props)-1]
	if i := find(props, partner(key)); i >= 0 && !canonical(props) {
		last = props[i]
	}
	return s[:last.to] + "," + text + s[last.to:]
}

// drop takes a property out together with one comma.
func drop(s, key string) string {
	props := slices.Collect(properties(s))
	i := find(props, key)
	if i < 0 {
		return s
	}
	from, to := props[i].from, props[i].to
	switch {
	case from > 0:
		from--
	case to < len(s):
		to++
	}
	return s[:from] + s[to:]
}

// successor returns the property before which a new one belongs, -1 for none.
// In a line that Proxmox printed that follows from the alphabet; in one that a
// person typed the address stands before its gateway.
func successor(props []property, key string) int {
	if !canonical(props) {
		if key == "ip" || key == "ip6" {
			return find(props, partner(key))
		}
		return -1
	}
	for i := 1; i < len(props); i++ {
		if props[i].key > key {
			return i
		}
	}
	return -1
}

// canonical reports whether a line has the order in which Proxmox prints it:
// the name, then the rest sorted (PVE::JSONSchema, print_property_string).
func canonical(props []property) bool {
	return len(props) > 0 && props[0].key == "name" &&
		slices.IsSortedFunc(props[1:], func(a, b property) int { return strings.Compare(a.key, b.key) })
}

func find(props []property, key string) int {
	return slices.IndexFunc(props, func(p property) bool { return p.key == key })
}

// partner is the address for a gateway, and the other way round.
func partner(key string) string {
	switch key {
	case "ip":
		return "gw"
	case "gw":
		return "ip"
	case "ip6":
		return "gw6"
	case "gw6":
		return "ip6"
	}
	return ""
}
