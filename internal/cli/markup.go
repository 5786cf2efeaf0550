package cli

import (
	"html"
	"strings"
)

// markup writes HTML. Tag and attribute names are the program's own; every
// text and every value is escaped, so that no foreign string becomes markup.
// A template would do as much, and cost every start of a container: it keeps
// the linker from leaving out what isn't used.
type markup struct{ b strings.Builder }

// open begins an element; attributes are names, each followed by its value.
func (m *markup) open(tag string, attributes ...string) {
	m.b.WriteString("<" + tag)
	for i := 0; i+1 < len(attributes); i += 2 {
		m.b.WriteString(" " + attributes[i] + `="` + html.EscapeString(attributes[i+1]) + `"`)
	}
	m.b.WriteString(">")
}

func (m *markup) close(tags ...string) {
	for _, tag := range tags {
		m.b.WriteString("</" + tag + ">")
	}
	m.b.WriteString("\n")
}

// leaf is an element that holds only text.
func (m *markup) leaf(tag, text string, attributes ...string) {
	m.open(tag, attributes...)
	m.b.WriteString(html.EscapeString(text))
	m.b.WriteString("</" + tag + ">")
}

// own writes what the program brings along, as it is.
func (m *markup) own(text string) { m.b.WriteString(text) }
