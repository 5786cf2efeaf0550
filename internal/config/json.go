package config

import (
	"net/netip"
	"strings"
	"unicode/utf8"
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
		f.warn(newLineIndex(data).of(1+firstDifference(data, valid)), "the file is not UTF-8 here")
		data = valid
	}
	root, line, err := parseTree(data)
	if err != nil {
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
func (d *document) walk(path []string, v *value) {
	inNetwork := len(path) > 0 && path[0] == "network"
	if v.kind == text && inNetwork {
		d.name(path, v.text)
	}
	for i, item := range v.items {
		d.walk(append(path, index(i)), item)
	}
	for _, m := range v.members {
		down := append(path, m.key)
		if m.before > 0 {
			d.warn(m.value.line, "%s is given twice, first in line %d; other readers see only the last",
				plain(join(down)), m.before)
		}
		if inNetwork {
			d.name(down, m.key)
		}
		if m.key == listName && (len(path) == 0 || len(path) == 1 && inNetwork) {
			d.pools(m.value)
			continue
		}
		d.walk(down, m.value)
	}
}

// pools reads a list of pools and reservations.
func (d *document) pools(v *value) {
	d.listed = true
	if v.kind != list {
		d.fail(v.line, "%q is %s where a list of pools belongs", listName, v.describe())
	}
	for _, item := range v.items {
		if item.kind != object {
			d.fail(item.line, "%s stands in %q where a pool or a reservation belongs", item.describe(), listName)
			continue
		}
		d.sections = append(d.sections, d.object(item))
	}
}

// object turns a pool or a reservation into a section. Its name stands in
// "reservation", "pool" or "name"; the first of these that is there decides.
func (d *document) object(v *value) *section {
	s := d.section("pool", "", v.line)
	title := ""
	for _, word := range []string{"reservation", "pool", "name"} {
		if m := v.get(word); len(m) > 0 {
			title, s.line = word, m[0].value.line
			if k := m[0].value.kind; k == text || k == number {
				s.name = m[0].value.text
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
	for _, m := range v.members {
		if m.key != title {
			s.props = append(s.props, properties(m)...)
		} else if m.before > 0 {
			s.fail(m.value.line, "%s is given twice, first in line %d; keep one of them", title, m.before)
		}
	}
	return s
}

// properties makes properties of a member: none of null, one of a word, and as
// many as a list has elements.
func properties(m member) []property {
	p := property{key: m.key, value: strings.TrimSpace(m.value.text), line: m.value.line, repeated: m.before > 0}
	switch m.value.kind {
	case null:
		return nil
	case list:
		var all []property
		for _, item := range m.value.items {
			all = append(all, properties(member{m.key, item, m.before})...)
		}
		return all
	case boolean, object:
		p.odd = m.value.describe()
	}
	return []property{p}
}
