package ui

import (
	"html"
	"strings"
)

// Markup writes HTML. Tag and attribute names are the program's own; every
// text and every value is escaped, so that no foreign string becomes markup.
// A template would do as much, and cost every start of a container: it keeps
// the linker from leaving out what isn't used.
type Markup struct{ b strings.Builder }

// Open begins an element; attributes are names, each followed by its value.
func (m *Markup) Open(tag string, attributes ...string) {
	m.b.WriteString("<" + tag)
	for i := 0; i+1 < len(attributes); i += 2 {
		m.b.WriteString(" " + attributes[i] + `="` + html.EscapeString(attributes[i+1]) + `"`)
	}
	m.b.WriteString(">")
}

// Close ends elements.
func (m *Markup) Close(tags ...string) {
	for _, tag := range tags {
		m.b.WriteString("</" + tag + ">")
	}
	m.b.WriteString("\n")
}

// Leaf is an element that holds only text.
func (m *Markup) Leaf(tag, text string, attributes ...string) {
	m.Open(tag, attributes...)
	m.b.WriteString(html.EscapeString(text))
	m.b.WriteString("</" + tag + ">")
}

// Own writes what the program brings along, as it is.
func (m *Markup) Own(text string) { m.b.WriteString(text) }

// Bytes is what was written.
func (m *Markup) Bytes() []byte { return []byte(m.b.String()) }
