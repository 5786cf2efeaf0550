package config

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// blanks are what \s matches in Perl, without the newline.
const blanks = " \t\v\f\r"

// reader follows PVE::SectionConfig::parse_config, but is more forgiving where
// that loses what the administrator plainly meant: a blank line does not end a
// section, and "pool:" begins one even without a blank line before it. Where
// Proxmox drops a line with a warning, the section fails instead, since the
// line may be the one that excludes somebody's address.
type reader struct {
	*findings
	sections []*section
	inside   bool // no blank line since the header
}

func readSections(f *findings, text string) []*section {
	r := &reader{findings: f}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		r.line(n, strings.TrimRight(line, blanks))
	}
	return r.sections
}

func (r *reader) line(n int, line string) {
	trimmed := strings.TrimLeft(line, blanks)
	indented := trimmed != line
	switch {
	case trimmed == "":
		r.inside = false
	case trimmed[0] == '#':
		if !utf8.ValidString(line) {
			r.warn(n, "this comment is not UTF-8")
		}
	case r.begins(trimmed, indented):
		r.header(n, trimmed, indented)
	case indented:
		r.property(n, trimmed)
	default:
		r.stray(n, "%s is neither a section like 'pool: NAME' nor a property, which would be indented", quote(line))
	}
}

// begins reports whether a line is a header. One that begins with the name of
// a section is, even when it is not a proper one; one with an unknown name
// only where Proxmox would take it for one: in the first column, not amid
// another section, whose remaining lines it would carry off.
func (r *reader) begins(line string, indented bool) bool {
	word, _ := cutWord(line)
	kind, _, colon := strings.Cut(word, ":")
	if slices.Contains(sectionKinds, kind) {
		return colon || !indented
	}
	return colon && kind != "" && !indented && !r.inside && !isProperty(kind)
}

func (r *reader) header(n int, line string, indented bool) {
	word, rest := cutWord(line)
	kind, glued, colon := strings.Cut(word, ":")
	name := strings.TrimLeft(glued+" "+rest, blanks)
	s := r.section(kind, strings.TrimRight(name, blanks), n)
	r.sections, r.inside = append(r.sections, s), true
	switch {
	case s.name == "":
		s.fail(n, "the section has no name; write it like 'pool: lan' or 'reservation: 10.0.0.201'")
	case !colon:
		s.fail(n, "a section has a colon; write '%s: %s'", kind, plain(s.name))
	case indented:
		s.fail(n, "a section begins in the first column; remove the blanks before %s", kind)
	}
}

// property takes one indented line, "property value".
func (r *reader) property(n int, line string) {
	if len(r.sections) == 0 {
		r.stray(n, "property %s stands before the first section", quote(line))
		return
	}
	s := r.sections[len(r.sections)-1]
	key, value := cutWord(line)
	if !utf8.ValidString(line) {
		if key != "comment" {
			s.fail(n, "this line is not UTF-8: %s", quote(line))
			return
		}
		s.warn(n, "this comment is not UTF-8")
		value = strings.ToValidUTF8(value, "\ufffd")
	}
	if word, marked := cutMark(key); marked && isProperty(word) {
		s.fail(n, "%s has no colon or equals sign; write '%s VALUE'", word, word)
		return
	}
	s.props = append(s.props, property{key: key, value: value, line: n})
}

// stray reports a line that is nothing known, in the section around it.
func (r *reader) stray(n int, format string, args ...any) {
	if len(r.sections) == 0 {
		r.fail(n, format, args...)
		return
	}
	r.sections[len(r.sections)-1].fail(n, format, args...)
}

// cutWord splits a line at its first blanks.
func cutWord(line string) (word, rest string) {
	i := strings.IndexAny(line, blanks)
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimLeft(line[i:], blanks)
}

// cutMark gives what stands before a colon or an equals sign in a word, the
// way other files write "key: value".
func cutMark(s string) (word string, marked bool) {
	i := strings.IndexAny(s, ":=")
	if i < 0 {
		return s, false
	}
	return s[:i], true
}
