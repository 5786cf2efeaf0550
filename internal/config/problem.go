package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a configuration file.
type Problem struct {
	File    string
	Line    int    // counted from 1; 0: the file as a whole
	Section string // like "pool lan"; empty outside of every section
	Text    string // one sentence: the fact, the wrong value, the allowed ones
	Warning bool   // the section stays in force
	Unknown bool   // a warning of a word that this version doesn't know: who writes the file should be refused it
}

// Error reads like "pools.cfg:12: pool lan: vlan: …".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Section != "" {
		b.WriteString(p.Section + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// findings collects the problems of one file.
type findings struct {
	file string
	list []Problem
}

func (f *findings) fail(line int, format string, args ...any) {
	f.list = append(f.list, Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (f *findings) warn(line int, format string, args ...any) {
	f.list = append(f.list, Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...), Warning: true})
}

// unknown marks the last problem as one of a word that is not known.
func (f *findings) unknown() { f.list[len(f.list)-1].Unknown = true }

func (f *findings) sorted() []Problem {
	slices.SortStableFunc(f.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return f.list
}

// decode strips the byte order mark that Windows' editors put in front, and
// refuses UTF-16, which would otherwise make every line a riddle.
func (f *findings) decode(data []byte) (string, bool) {
	text := string(data)
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		f.fail(1, "the file is UTF-16; save it as UTF-8")
		return "", false
	}
	return strings.TrimPrefix(text, "\ufeff"), true
}

// quote shows a foreign word: escaped, so that it cannot play tricks on a
// terminal, and cut to a length that leaves the sentence readable.
func quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return strconv.Quote(s)
}
