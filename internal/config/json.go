package config

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"

	"pve-iplease/internal/jsontree"
)

// listName is the member that holds the pools, at the top of a document or in
// its "network".
const listName = "ip_pools"

// readJSON finds the sections of a document that is somebody else's for the
// rest: whatever stands outside of the lists of pools is left alone, except
// that the addresses which "network" names are collected.
func readJSON(f *findings, data string) ([]*section, map[netip.Addr]string) {
	if !utf8.ValidString(data) {
		valid := strings.ToValidUTF8(data, "\ufffd")
		f.warn(jsontree.NewLines(data).Of(1+firstDifference(data, valid)), "the file is not UTF-8 here")
		data = valid
	}
	root, err := jsontree.Parse(data)
	if err != nil {
		line := 0
		if bad := (*jsontree.SyntaxError)(nil); errors.As(err, &bad) {
			line = bad.Line
		}
		f.fail(line, "the file is no valid JSON: %v", err)
		return nil, nil
	}
	d := &document{findings: f}
	d.walk(nil, root)
	if !d.listed {
		f.fail(0, "there is no list %q, neither at the top nor in \"network\"", listName)
	}
	return d.sections, d.named
}

func firstDifference(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// document collects what a JSON file says.
type document struct {
	*findings
	sections []*section
	named    map[netip.Addr]string
	listed   bool // a list of pools was there
}

// walk visits every value but the pools, which are read as sections. The path
// holds the names on the way down.
func (d *document) walk(path []string, v *jsontree.Value) {
	inNetwork := len(path) > 0 && path[0] == "network"
	if v.Kind == jsontree.Text && inNetwork {
		d.name(path, v.Text)
	}
	for i, item := range v.Items {
		d.walk(append(path, jsontree.Index(i)), item)
	}
	for _, m := range v.Members {
		down := append(path, m.Key)
		if m.Before > 0 {
			d.warn(m.Value.Line, "%s is given twice, first in line %d; other readers see only the last",
				plain(jsontree.Join(down)), m.Before)
		}
		if inNetwork {
			d.name(down, m.Key)
		}
		if m.Key == listName && (len(path) == 0 || len(path) == 1 && inNetwork) {
			d.pools(m.Value)
			continue
		}
		d.walk(down, m.Value)
	}
}

// pools reads a list of pools and reservations.
func (d *document) pools(v *jsontree.Value) {
	d.listed = true
	if v.Kind != jsontree.List {
		d.fail(v.Line, "%q is %s where a list of pools belongs", listName, describe(v))
	}
	for _, item := range v.Items {
		if item.Kind != jsontree.Object {
			d.fail(item.Line, "%s stands in %q where a pool or a reservation belongs", describe(item), listName)
			continue
		}
		d.sections = append(d.sections, d.object(item))
	}
}

// object turns a pool or a reservation into a section. Its name stands in
// "reservation", "pool" or "name"; the first of these that is there decides.
func (d *document) object(v *jsontree.Value) *section {
	s := d.section("pool", "", v.Line)
	title := ""
	for _, word := range []string{"reservation", "pool", "name"} {
		if m := v.Get(word); len(m) > 0 {
			title, s.line = word, m[0].Value.Line
			if k := m[0].Value.Kind; k == jsontree.Text || k == jsontree.Number {
				s.name = m[0].Value.Text
			}
			break
		}
	}
	if title == "reservation" {
		s.kind = title
	}
	if s.name == "" {
		s.fail(s.line, "the section has no name; give it one by \"pool\" or \"reservation\"")
	}
	for _, m := range v.Members {
		if m.Key != title {
			s.props = append(s.props, properties(m)...)
		} else if m.Before > 0 {
			s.fail(m.Value.Line, "%s is given twice, first in line %d; keep one of them", title, m.Before)
		}
	}
	return s
}

// properties makes properties of a member: none of null, one of a word, and as
// many as a list has elements.
func properties(m jsontree.Member) []property {
	p := property{key: m.Key, value: strings.TrimSpace(m.Value.Text), line: m.Value.Line, repeated: m.Before > 0}
	switch m.Value.Kind {
	case jsontree.Null:
		return nil
	case jsontree.List:
		var all []property
		for _, item := range m.Value.Items {
			all = append(all, properties(jsontree.Member{Key: m.Key, Value: item, Before: m.Before})...)
		}
		return all
	case jsontree.Boolean, jsontree.Object:
		p.odd = describe(m.Value)
	}
	return []property{p}
}
