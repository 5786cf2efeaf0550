package config

import (
	"encoding/json"
	"errors"
	"sort"
	"strings"
)

// value is a JSON value that remembers where it stands.
type value struct {
	line    int
	kind    kind
	text    string // of a string, number or boolean
	members []member
	items   []*value
}

type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	list
	object
)

// member is one name of an object; a name may stand there twice, which
// encoding/json would hide.
type member struct {
	key    string
	value  *value
	before int // line of the first member of this name, 0 for the first itself
}

// parseTree reads a JSON document. An error comes with its line.
func parseTree(data string) (root *value, line int, err error) {
	lines := newLineIndex(data)
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(data), &whole); err != nil {
		at := len(data)
		if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) {
			at = int(bad.Offset)
		}
		return nil, lines.of(at), err
	}
	d := &decoder{Decoder: json.NewDecoder(strings.NewReader(data)), lines: lines}
	d.UseNumber()
	root, err = d.value()
	return root, 0, err
}

// lineIndex holds the offset of every newline.
type lineIndex []int

// of gives the line of the last byte read when offset bytes were.
func (l *lineIndex) of(offset int) int { return 1 + sort.SearchInts(*l, offset-1) }

func newLineIndex(data string) *lineIndex {
	var l lineIndex
	for i := range len(data) {
		if data[i] == '\n' {
			l = append(l, i)
		}
	}
	return &l
}

type decoder struct {
	*json.Decoder
	lines *lineIndex
}

func (d *decoder) value() (*value, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	v := &value{line: d.lines.of(int(d.InputOffset()))}
	switch t := token.(type) {
	case string:
		v.kind, v.text = text, t
	case json.Number:
		v.kind, v.text = number, t.String()
	case bool:
		v.kind, v.text = boolean, map[bool]string{false: "false", true: "true"}[t]
	case json.Delim:
		err = d.inside(v, t)
	}
	return v, err
}

// inside reads what stands between a bracket and its counterpart.
func (d *decoder) inside(v *value, open json.Delim) error {
	v.kind = list
	if open == '{' {
		v.kind = object
	}
	first := map[string]int{}
	for d.More() {
		var key string
		line := 0
		if v.kind == object {
			token, err := d.Token()
			if err != nil {
				return err
			}
			key, _ = token.(string)
			line = d.lines.of(int(d.InputOffset()))
		}
		child, err := d.value()
		if err != nil {
			return err
		}
		if v.kind == list {
			v.items = append(v.items, child)
			continue
		}
		v.members = append(v.members, member{key, child, first[key]})
		if first[key] == 0 {
			first[key] = line
		}
	}
	_, err := d.Token() // the closing bracket
	return err
}

// get gives every member of this name; a value that is no object has none.
func (v *value) get(key string) []member {
	var found []member
	for _, m := range v.members {
		if m.key == key {
			found = append(found, m)
		}
	}
	return found
}
