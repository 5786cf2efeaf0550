// Package jsontree reads JSON documents that belong to somebody else, so that
// a value can be named by its line and its path, and changed without any other
// byte of the document being touched.
package jsontree

import (
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Value is a JSON value that remembers where it stands.
type Value struct {
	Kind    Kind
	Text    string // of a string, number or boolean
	Members []Member
	Items   []*Value

	Line       int // of its last byte, of a list or object its first
	Start, End int // the bytes that it takes
}

// Kind is a type of JSON values.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Text
	Number
	Boolean
	List
	Object
)

// Member is one name of an object; a name may stand there twice, which
// encoding/json would hide.
type Member struct {
	Key    string
	Value  *Value
	Line   int // of the name
	Before int // line of the first member of this name, 0 for the first itself
	Start  int // where the name begins
}

// SyntaxError says where a document ceases to be JSON.
type SyntaxError struct {
	Line int
	Path string // of the value that was being read; empty at the top
	err  error
}

func (e *SyntaxError) Error() string { return e.err.Error() }

func (e *SyntaxError) Unwrap() error { return e.err }

// Parse reads a document. The error is a SyntaxError.
func Parse(data string) (*Value, error) {
	lines := NewLines(data)
	d := &decoder{Decoder: json.NewDecoder(strings.NewReader(data)), data: data, lines: lines}
	d.UseNumber()
	root, derr := d.value(nil)
	// What the decoder itself says of a broken document is less to the point.
	var whole json.RawMessage
	err := json.Unmarshal([]byte(data), &whole)
	if err == nil {
		return root, derr
	}
	at := len(data)
	if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) {
		at = int(bad.Offset)
	}
	return nil, &SyntaxError{lines.Of(at), d.broken, err}
}

// Lines holds the offset of every newline.
type Lines []int

// NewLines looks for them.
func NewLines(data string) Lines {
	var l Lines
	for i := range len(data) {
		if data[i] == '\n' {
			l = append(l, i)
		}
	}
	return l
}

// Of gives the line of the last byte read when offset bytes were.
func (l Lines) Of(offset int) int { return 1 + sort.SearchInts(l, offset-1) }

// maxDepth is encoding/json's.
const maxDepth = 10000

var errDeep = errors.New("exceeded max depth")

type decoder struct {
	*json.Decoder
	data   string
	lines  Lines
	broken string // the path at which reading ended
}

// token reads the next token and says where it begins.
func (d *decoder) token() (json.Token, int, error) {
	start := int(d.InputOffset())
	t, err := d.Token()
	for start < len(d.data) && strings.IndexByte(" \t\r\n,:", d.data[start]) >= 0 {
		start++
	}
	return t, start, err
}

func (d *decoder) value(path []string) (*Value, error) {
	token, start, err := d.token()
	if err == nil && len(path) > maxDepth {
		err = errDeep
	}
	if err != nil {
		d.broken = Join(path)
		return nil, err
	}
	v := &Value{Line: d.lines.Of(int(d.InputOffset())), Start: start}
	switch t := token.(type) {
	case string:
		v.Kind, v.Text = Text, t
	case json.Number:
		v.Kind, v.Text = Number, t.String()
	case bool:
		v.Kind, v.Text = Boolean, strconv.FormatBool(t)
	case json.Delim:
		err = d.inside(v, t, path)
	}
	v.End = int(d.InputOffset())
	return v, err
}

// inside reads what stands between a bracket and its counterpart.
func (d *decoder) inside(v *Value, open json.Delim, path []string) (err error) {
	v.Kind = List
	if open == '{' {
		v.Kind = Object
	}
	first := map[string]int{}
	for d.More() && err == nil {
		if v.Kind == Object {
			err = d.member(v, first, path)
			continue
		}
		var item *Value
		item, err = d.value(append(path, Index(len(v.Items))))
		v.Items = append(v.Items, item)
	}
	if err == nil {
		if _, err = d.Token(); err != nil { // the closing bracket
			d.broken = Join(path)
		}
	}
	return err
}

// member reads a name and its value; first has the line of each name before.
func (d *decoder) member(v *Value, first map[string]int, path []string) error {
	token, start, err := d.token()
	if err != nil {
		d.broken = Join(path)
		return err
	}
	m := Member{Line: d.lines.Of(int(d.InputOffset())), Start: start}
	m.Key, _ = token.(string)
	if m.Before = first[m.Key]; m.Before == 0 {
		first[m.Key] = m.Line
	}
	m.Value, err = d.value(append(path, m.Key))
	v.Members = append(v.Members, m)
	return err
}

// Get gives every member of this name; a value that is no object has none.
func (v *Value) Get(key string) []Member {
	return slices.DeleteFunc(slices.Clone(v.Members), func(m Member) bool { return m.Key != key })
}

// Find gives the value of the last member of this name, as most readers do;
// nil if there is none.
func (v *Value) Find(key string) *Value {
	for _, m := range slices.Backward(v.Members) {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

// Index is a list's place in a path.
func Index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// Join writes a path like network.interfaces.dns_nameservers[0].
func Join(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".[", "[")
}
