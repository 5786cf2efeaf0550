package report_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pve-iplease/internal/report"
)

func TestClean(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"plain":            {"web-01 (Büro, 東京)", "web-01 (Büro, 東京)"},
		"empty":            {"", ""},
		"only blanks":      {" \t\r\n\u2028\u00a0", ""},
		"lines":            {"one\r\ntwo\tthree\n", "one  two three"},
		"line separators":  {"a\u2028b\u2029c\u0085d", "a b c d"},
		"colours":          {"\x1b[31mred\x1b[0m", "�[31mred�[0m"},
		"C1 escape":        {"a\u009b31mb", "a�31mb"},
		"NUL, bell, DEL":   {"a\x00b\ac\x7f", "a�b�c�"},
		"invalid UTF-8":    {"caf\xe9 \xff\xfe", "caf� ��"},
		"bidi":             {"\u202egpj.exe\u2066\u200f", "�gpj.exe��"},
		"zero width":       {"a\u200bb\u200dc\ufeffd", "a�b�c�d"},
		"private, tags":    {"\ue000\U000e0041", "��"},
		"surrogate":        {"\xed\xa0\x80", "���"},
		"as long as it is": {strings.Repeat("ä", 200), strings.Repeat("ä", 200)},
		"too long":         {strings.Repeat("ä", 201), strings.Repeat("ä", 199) + "…"},
		"very long":        {strings.Repeat("x", 1<<20), strings.Repeat("x", 199) + "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := report.Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a\x1b[0m", "\xff\xf0\x9f", "\u202e", strings.Repeat("é ", 150), strings.Repeat(" ", 900) + "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := report.Clean(in)
		switch {
		case !utf8.ValidString(got):
			t.Errorf("%q is not UTF-8", got)
		case utf8.RuneCountInString(got) > 200:
			t.Errorf("%d runes", utf8.RuneCountInString(got))
		case strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("%q does not print", got)
		case report.Clean(got) != got:
			t.Errorf("cleaned again %q is %q", got, report.Clean(got))
		}
	})
}
