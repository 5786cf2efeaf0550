package config

import "fmt"

// sectionKinds are the words that begin a section.
var sectionKinds = []string{"pool", "reservation"}

// section is one pool or reservation as raw words, from either syntax.
type section struct {
	*findings
	kind, name string
	line       int // of the header
	props      []property
	why        string // the first error; empty while the section stands
}

// property is one value of a property; a property that holds a list in JSON
// gives several.
type property struct {
	key, value string
	line       int
	// odd says what stands in place of a value: "true", "an object".
	odd string
	// repeated marks a second JSON member of the same name in one object, of
	// which other readers see only one.
	repeated bool
}

func (f *findings) section(kind, name string, line int) *section {
	return &section{findings: f, kind: kind, name: name, line: line}
}

// title names the section in problems.
func (s *section) title() string { return plain(s.kind) + " " + plain(s.name) }

// fail reports an error, which disables the section.
func (s *section) fail(line int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.why == "" {
		s.why = text
	}
	s.list = append(s.list, Problem{File: s.file, Line: line, Section: s.title(), Text: text})
}

func (s *section) warn(line int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.list = append(s.list, Problem{File: s.file, Line: line, Section: s.title(), Text: text, Warning: true})
}

func (s *section) failed() bool { return s.why != "" }

// each hands the section's known, well-formed properties to set, one after the
// other, and reports what the properties and set have against them. It returns
// the line in which each property stands first.
func (s *section) each(words propertySet, set func(property) error) map[string]int {
	first := map[string]int{}
	for _, p := range s.props {
		if err := s.admit(words, first, p); err != nil {
			s.fail(p.line, "%s %v", p.key, err)
		} else if words.knows(p.key) {
			if err := set(p); err != nil {
				s.fail(p.line, "%s: %v", p.key, err)
			}
		}
		if _, again := first[p.key]; !again {
			first[p.key] = p.line
		}
	}
	return first
}

// admit says what is wrong with a property whatever its value means.
func (s *section) admit(words propertySet, first map[string]int, p property) error {
	before, again := first[p.key]
	word, listed := words[p.key]
	switch {
	case !listed:
		s.warn(p.line, "property %s is unknown and ignored%s", quote(p.key), didYouMean(p.key, words.known()))
		s.unknown()
	case again && (word != many || p.repeated):
		return fmt.Errorf("is given twice, first in line %d; keep one of them", before)
	case p.odd != "":
		return fmt.Errorf("is %s where a text, a number or a list of them belongs", p.odd)
	case p.value == "" && p.key != "comment":
		return errNoValue
	}
	return nil
}
