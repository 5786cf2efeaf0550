package guest

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// property is one part of a property string, "key=value". One without an
// equals sign is all value.
type property struct {
	key, value string
	keyed      bool
	from, to   int // its place in the string, in bytes
}

// properties splits a string at its commas and passes over blank parts, as
// PVE::JSONSchema's parse_property_string does.
func properties(s string) iter.Seq[property] {
	return func(yield func(property) bool) {
		for from := 0; from < len(s); {
			part, _, _ := strings.Cut(s[from:], ",")
			to := from + len(part)
			p := property{value: part, from: from, to: to}
			if key, value, ok := strings.Cut(part, "="); ok {
				p.key, p.value, p.keyed = key, value, true
			}
			if trimLeft(part) != "" && !yield(p) {
				return
			}
			from = to + 1
		}
	}
}

// schema takes one property of an interface; it says no to a key that it does
// not know.
type schema func(nic *NIC, key, value string) (known bool, err error)

// reader fills an interface from one line's properties.
type reader struct {
	nic    NIC
	line   string // the setting's name, for messages
	schema schema
	seen   []string
}

// putAll reads a line of a schema without a default key.
func (r *reader) putAll(value string) error {
	if err := r.whole(value); err != nil {
		return err
	}
	for p := range properties(value) {
		if !p.keyed {
			return r.refuse("%.60q is a value without a property", p.value)
		}
		if err := r.put(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

// put hands one property to the schema, each key once.
func (r *reader) put(key, value string) error {
	if key == "" || value == "" {
		return r.refuse("a property is neither key nor value nor key=value")
	}
	if slices.Contains(r.seen, key) {
		return r.refuse("property %.60q is given twice", key)
	}
	known, err := r.schema(&r.nic, key, value)
	if !known {
		return r.refuse("property %.60q is unknown to Proxmox", key)
	}
	if err != nil {
		return r.refuse("%s %.60q %w", key, value, err)
	}
	r.seen = append(r.seen, key)
	return nil
}

// need says no when a property is missing.
func (r *reader) need(key string) error {
	if slices.Contains(r.seen, key) {
		return nil
	}
	return r.refuse("property %q is missing", key)
}

// refuse names the line, what is wrong with it, and what to do.
func (r *reader) refuse(format string, args ...any) error {
	return fmt.Errorf("%s: %w; correct that line in the guest's config", r.line, fmt.Errorf(format, args...))
}

// whole checks what Proxmox asks of a value before it looks inside.
func (r *reader) whole(value string) error {
	if strings.Contains(value, "\r") {
		return r.refuse("there is a carriage return inside the line")
	}
	return nil
}
