package ui

import (
	"strings"
	"unicode/utf8"
)

// Wrap writes words in lines of a width, the first behind a label, the others
// as far in, but for a third of a narrow screen at most. A word that is too long
// for a line has one to itself.
func Wrap(b *strings.Builder, text, label string, width int) {
	line, used := label, utf8.RuneCountInString(label)
	indent := strings.Repeat(" ", min(used, width/3))
	fresh := true
	for _, word := range words(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case fresh && used+n > width && len(indent) < used, !fresh && used+1+n > width:
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, used, fresh = indent, len(indent), true
		case !fresh:
			line, used = line+" ", used+1
		}
		line, used, fresh = line+word, used+n, false
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// words splits a text where it may be wrapped: at blanks, but not within a
// command in quotes, which is to be pasted.
func words(text string) []string {
	var all []string
	quoted := false
	for w := range strings.FieldsSeq(text) {
		if n := len(all); quoted && len(all[n-1])+len(w) < Width/2 {
			all[n-1] += " " + w
		} else {
			all = append(all, w)
			quoted = strings.HasPrefix(w, "'")
		}
		quoted = quoted && !strings.Contains(w[1:], "'")
	}
	return all
}
