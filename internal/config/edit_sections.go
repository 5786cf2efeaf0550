package config

import (
	"fmt"
	"strings"
)

// editSections makes one change to a text in the section syntax.
func editSections(text string, c Change) (string, error) {
	e := newSectionEditor(text)
	s, err := e.find(c.kind, c.name)
	switch {
	case err != nil:
		return "", err
	case c.verb == add && s != nil:
		return "", fmt.Errorf("it is there already, in line %d", s.line)
	case c.verb == add:
		return e.add(c), nil
	case s == nil:
		return "", errNoSection
	case c.verb == remove:
		e.remove(s)
	default:
		e.set(s, c.verb, c.props)
	}
	return strings.Join(e.lines, ""), nil
}

// sectionEditor is a text cut into lines that keep their ends. A line that
// goes becomes empty and one that comes is put behind another's end, so that
// line numbers hold from the first step to the last.
type sectionEditor struct {
	lines    []string
	sections []*section
	end      string // of a line, as the first one has it
}

func newSectionEditor(text string) *sectionEditor {
	e := &sectionEditor{lines: strings.SplitAfter(text, "\n"), sections: readSections(&findings{}, text), end: "\n"}
	if strings.HasSuffix(e.lines[0], "\r\n") {
		e.end = "\r\n"
	}
	return e
}

// find gives the only section of a name, nil if there is none.
func (e *sectionEditor) find(kind, name string) (found *section, _ error) {
	for _, s := range e.sections {
		switch {
		case s.kind != kind || s.name != name:
		case found != nil:
			return nil, fmt.Errorf("it is there twice, in lines %d and %d; remove one of the two in an editor", found.line, s.line)
		default:
			found = s
		}
	}
	return found, nil
}

// add writes a section behind everything else, set off by a blank line.
func (e *sectionEditor) add(c Change) string {
	var b strings.Builder
	for _, l := range e.lines {
		b.WriteString(l)
	}
	last := e.lines[len(e.lines)-1]
	if last != "" {
		b.WriteString(e.end)
	} else if n := len(e.lines); n > 1 {
		last = e.lines[n-2]
	}
	if !blank(last) {
		b.WriteString(e.end)
	}
	b.WriteString(c.kind + ": " + c.name + e.end)
	for _, p := range c.props {
		if len(p.Values) > 0 {
			b.WriteString("\t" + p.line() + e.end)
		}
	}
	return b.String()
}

// blank reports whether a line holds nothing.
func blank(line string) bool { return strings.Trim(line, blanks+"\n") == "" }

func (p Prop) line() string { return p.Key + " " + p.value() }

func (p Prop) value() string { return strings.Join(p.Values, ",") }

// set puts each property's values where it stands first and removes the rest
// of it; one that is new goes behind the section's last, and so does what
// extends a list, in a line of its own.
func (e *sectionEditor) set(s *section, v verb, props []Prop) {
	last, indent := s.line, "\t"
	if n := len(s.props); n > 0 {
		last = s.props[n-1].line
		line := e.lines[last-1]
		indent = line[:len(line)-len(strings.TrimLeft(line, blanks))]
	}
	var fresh []string
	for _, p := range props {
		placed := len(p.Values) == 0
		for _, old := range s.props {
			switch {
			case old.key != p.Key || v == extend:
			case placed:
				e.lines[old.line-1] = ""
			default:
				e.replace(old, p.value())
				placed = true
			}
		}
		if !placed {
			fresh = append(fresh, indent+p.line()+e.end)
		}
	}
	if len(fresh) > 0 && e.lines[last-1] != "" && !strings.HasSuffix(e.lines[last-1], "\n") {
		e.lines[last-1] += e.end
	}
	e.lines[last-1] += strings.Join(fresh, "")
}

// replace changes the value in a property's line and nothing around it.
func (e *sectionEditor) replace(p property, value string) {
	line := e.lines[p.line-1]
	body := strings.TrimRight(line, blanks+"\n")
	key := strings.Index(line, p.key) + len(p.key)
	before := body[:len(body)-len(strings.TrimLeft(body[key:], blanks))]
	if before == body { // a property without a value
		before += " "
	}
	e.lines[p.line-1] = before + value + line[len(body):]
}

// remove takes out a section from its header to its last property, and one of
// the blank lines that set it off. What stands above it stays, comments above
// all.
func (e *sectionEditor) remove(s *section) {
	last := s.line
	if n := len(s.props); n > 0 {
		last = s.props[n-1].line
	}
	clear(e.lines[s.line-1 : last])
	above := s.line - 2
	switch free := above < 0 || blank(e.lines[above]); {
	case free && last < len(e.lines) && blank(e.lines[last]) && e.lines[last] != "":
		e.lines[last] = ""
	case free && above >= 0 && blank(strings.Join(e.lines[last:], "")):
		e.lines[above] = ""
	}
}
