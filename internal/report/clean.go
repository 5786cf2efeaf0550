package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxForeign is the most runes that Clean lets through.
const maxForeign = 200

// Clean makes a foreign string fit to stand in a line of text: a host name, a
// comment, another program's error. Blanks of every kind become a space;
// everything that does not show as itself (control characters and with them
// escape sequences, bidirectional controls, zero-width characters, invalid
// UTF-8) becomes U+FFFD; what is over 200 runes is cut off and marked with an
// ellipsis. Cleaning twice is cleaning once.
func Clean(s string) string { return clean(s, maxForeign) }

// Sentence is Clean for a whole message, such as an error that quotes foreign
// strings: its lines are joined, and it may be as long as a line of a log.
func Sentence(s string) string { return oneLine(s) }

// clean is Clean with a limit of at least one rune.
func clean(s string, most int) string {
	if len(s) <= most && plain(s) {
		return s
	}
	// No more of an endless string is looked at than can come out: a rune has
	// at most four bytes, and blanks in front are not worth the exception.
	cut := false
	if limit := 4 * (most + 1); len(s) > limit {
		s, cut = s[:limit], true
	}
	runes := []rune(strings.TrimSpace(strings.Map(visible, s)))
	if len(runes) > most || cut {
		runes = append(runes[:min(len(runes), most-1)], '…')
	}
	return string(runes)
}

// plain reports whether s is as it should be: nearly all that people write is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.Trim(s, " ") == s
}

// visible replaces a rune that could do more than be read. Invalid UTF-8
// arrives as U+FFFD already.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case !unicode.IsPrint(r):
		return utf8.RuneError
	}
	return r
}
