package dhcp

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"

	"pve-iplease/internal/pve"
)

// parseKeaConfig reads a Kea configuration, or a part that one includes: JSON
// with comments. Pools and reservations count wherever they stand: of the
// server, of a subnet, of a shared network.
func parseKeaConfig(text string) Contents {
	var c Contents
	plain, includes := uninclude(stripComments([]byte(text)))
	for _, path := range includes {
		c.References = append(c.References, Reference{Format: KeaConfig, Path: path})
	}
	var root any
	if err := json.Unmarshal(plain, &root); err != nil {
		line := 0
		if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) {
			line = 1 + strings.Count(string(plain[:min(int(bad.Offset), len(plain))]), "\n")
		}
		c.problem(line, "it is no JSON as Kea reads it: %v", err)
		return c
	}
	c.keaValue(root)
	return c
}

// keaValue looks through a value for what concerns addresses.
func (c *Contents) keaValue(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			c.keaValue(item)
		}
	case map[string]any:
		c.keaObject(v)
	}
}

func (c *Contents) keaObject(o map[string]any) {
	if _, host := o["hw-address"]; host { // of a list that is a file of its own
		c.keaReservations([]any{o})
		return
	}
	for key, v := range o {
		switch key {
		case "pools":
			c.keaPools(v)
		case "reservations":
			c.keaReservations(v)
		case "lease-database":
			c.keaDatabase(v)
		default:
			c.keaValue(v)
		}
	}
}

// keaPools reads a list of {"pool": "FIRST - LAST"} or {"pool": "PREFIX/LENGTH"}.
func (c *Contents) keaPools(v any) {
	for _, p := range objects(v) {
		text, _ := p["pool"].(string)
		first, last, span := strings.Cut(text, "-")
		if r, ok := spanOf(strings.TrimSpace(first), strings.TrimSpace(last)); span && ok {
			c.Ranges = append(c.Ranges, r)
		} else if prefix, err := netip.ParsePrefix(strings.TrimSpace(text)); err == nil {
			c.Ranges = append(c.Ranges, wholeOf(prefix))
		} else {
			c.problem(0, "a pool of it is neither FIRST - LAST nor PREFIX/LENGTH")
		}
	}
}

// keaReservations reads a list of {"hw-address": …, "ip-address": …,
// "hostname": …}, in DHCPv6 with a list "ip-addresses".
func (c *Contents) keaReservations(v any) {
	for _, o := range objects(v) {
		r := Reservation{}
		hw, _ := o["hw-address"].(string)
		r.MAC, _ = pve.ParseMAC(hw)
		r.Name, _ = o["hostname"].(string)
		list, _ := o["ip-addresses"].([]any)
		for _, a := range append([]any{o["ip-address"]}, list...) {
			text, _ := a.(string)
			if addr, ok := addrOf(text); ok {
				r.Addr = addr
				c.Reservations = append(c.Reservations, r)
			}
		}
	}
}

// keaDatabase notes where the memfile lies, when not at the default place.
func (c *Contents) keaDatabase(v any) {
	o, _ := v.(map[string]any)
	name, _ := o["name"].(string)
	if o["type"] == "memfile" && name != "" {
		c.References = append(c.References, Reference{Format: KeaLeases, Path: name})
	}
}

// objects gives the objects of a list.
func objects(v any) []map[string]any {
	list, _ := v.([]any)
	var found []map[string]any
	for _, item := range list {
		if o, ok := item.(map[string]any); ok {
			found = append(found, o)
		}
	}
	return found
}

// wholeOf is the range of all addresses of a prefix.
func wholeOf(p netip.Prefix) pve.Range {
	p = p.Masked()
	last := p.Addr().AsSlice()
	for i := p.Bits(); i < len(last)*8; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(last)
	return pve.Range{First: p.Addr(), Last: a}
}
