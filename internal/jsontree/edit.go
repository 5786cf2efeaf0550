package jsontree

import (
	"encoding/json"
	"slices"
	"strings"
)

// Splice is a stretch of a document and what takes its place.
type Splice struct {
	Start, End int
	Text       string
}

// Apply makes changes to a document, which must not overlap, and leaves every
// other byte as it is. Two that are put in at one place come in their order.
func Apply(data string, splices ...Splice) string {
	slices.SortStableFunc(splices, func(a, b Splice) int { return a.Start - b.Start })
	var b strings.Builder
	at := 0
	for _, s := range splices {
		b.WriteString(data[at:s.Start] + s.Text)
		at = s.End
	}
	return b.String() + data[at:]
}

// Quote writes a text as JSON, with nothing escaped that need not be.
func Quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text never fails
	return strings.TrimSuffix(b.String(), "\n")
}

// SetMember gives an object's member a value, which is JSON. A new one comes
// behind the last and is laid out like it.
func SetMember(data string, object *Value, key, value string) Splice {
	if old := object.Find(key); old != nil {
		return Splice{old.Start, old.End, value}
	}
	text := Quote(key) + ": " + value
	n := len(object.Members)
	if n == 0 {
		return Splice{object.Start + 1, object.Start + 1, text}
	}
	last := object.Members[n-1]
	before := object.Start + 1
	if n > 1 {
		before = object.Members[n-2].Value.End
	}
	return Splice{last.Value.End, last.Value.End, "," + gap(data[before:last.Start]) + text}
}

// AddItem puts a value, which is JSON, behind the last of a list. unit is one
// step of indentation, for a list that was empty.
func AddItem(data string, list *Value, value, unit string) Splice {
	n := len(list.Items)
	if n == 0 {
		outer := "\n" + Indent(data, list.Start)
		return Splice{list.Start + 1, list.End - 1, outer + unit + value + outer}
	}
	last := list.Items[n-1]
	before := list.Start + 1
	if n > 1 {
		before = list.Items[n-2].End
	}
	return Splice{last.End, last.End, "," + gap(data[before:last.Start]) + value}
}

// gap is the white space behind a comma, or, of the first, what stands behind
// the opening bracket.
func gap(between string) string {
	if _, after, found := strings.Cut(between, ","); found {
		return after
	}
	if between == "" {
		return " "
	}
	return between
}

// Indent is the white space that begins the line of an offset.
func Indent(data string, offset int) string {
	line := data[strings.LastIndexByte(data[:offset], '\n')+1:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// DropMember takes the i-th member out of an object, with its comma.
func DropMember(object *Value, i int) Splice {
	m := object.Members
	switch {
	case i > 0:
		return Splice{m[i-1].Value.End, m[i].Value.End, ""}
	case len(m) > 1:
		return Splice{m[0].Start, m[1].Start, ""}
	}
	return Splice{object.Start + 1, object.End - 1, ""}
}

// DropItem takes the i-th value out of a list, with its comma.
func DropItem(list *Value, i int) Splice {
	v := list.Items
	switch {
	case i > 0:
		return Splice{v[i-1].End, v[i].End, ""}
	case len(v) > 1:
		return Splice{v[0].Start, v[1].Start, ""}
	}
	return Splice{list.Start + 1, list.End - 1, ""}
}
