package dhcp

import (
	"strconv"
	"strings"
)

// statement is one statement of dhcpd.conf(5) or dhcpd.leases(5): words up to
// a semicolon, or up to a block in braces.
type statement struct {
	line  int
	words []string
	block []statement // nil: it ends with a semicolon
}

// word gives the i-th word, empty when there are fewer.
func (s statement) word(i int) string {
	if i < len(s.words) {
		return s.words[i]
	}
	return ""
}

// iscReader reads statements one by one, so that a large lease file need not
// be in memory a second time.
type iscReader struct {
	text string
	at   int
	line int
	cut  int // the line where the statement begins that the file's end cuts off; 0: none
}

// maxDepth is how deep blocks may nest; real files need five.
const maxDepth = 50

// next reads the next statement of the outermost level.
func (r *iscReader) next() (statement, bool) { return r.statement(0) }

// statement reads one statement; ok is false at the end of the file or block.
func (r *iscReader) statement(depth int) (s statement, ok bool) {
	for {
		t, kind := r.token()
		if s.line == 0 {
			s.line = r.line
		}
		switch kind {
		case ';':
			if len(s.words) > 0 {
				return s, true
			}
			s.line = 0
		case '{':
			if s.block = r.body(depth + 1); r.cut != 0 {
				r.cut = s.line
			}
			return s, true
		case '}':
			if depth > 0 {
				return s, false
			}
			s = statement{} // one too many
		case 0:
			if len(s.words) > 0 || depth > 0 {
				r.cut = s.line
			}
			return s, false
		default:
			s.words = append(s.words, t)
		}
	}
}

// body reads statements up to the closing brace. Below the depth that anybody
// writes they are passed over.
func (r *iscReader) body(depth int) []statement {
	body := []statement{}
	for {
		if depth > maxDepth {
			r.skip()
			return body
		}
		s, ok := r.statement(depth)
		if !ok {
			return body
		}
		body = append(body, s)
	}
}

// skip passes over the rest of a block and all that it holds.
func (r *iscReader) skip() {
	for open := 1; open > 0; {
		switch _, kind := r.token(); kind {
		case '{':
			open++
		case '}':
			open--
		case 0:
			r.cut = r.line
			return
		}
	}
}

// token reads a word or a string (kind 'w'), one of { } ; or, as kind 0, the
// end. A comma only separates.
func (r *iscReader) token() (text string, kind byte) {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case '\n':
			r.line++
			r.at++
		case ' ', '\t', '\r', ',':
			r.at++
		case '#':
			if end := strings.IndexByte(r.text[r.at:], '\n'); end >= 0 {
				r.at += end
			} else {
				r.at = len(r.text)
			}
		case '{', '}', ';':
			r.at++
			return "", c
		case '"':
			return r.quoted(), 'w'
		default:
			return r.bare(), 'w'
		}
	}
	return "", 0
}

func (r *iscReader) bare() string {
	from := r.at
	if end := strings.IndexAny(r.text[from:], " \t\r\n,;{}\"#"); end >= 0 {
		r.at += end
	} else {
		r.at = len(r.text)
	}
	return r.text[from:r.at]
}

// quoted reads a string. It ends with its line at the latest: a lost quote
// must not swallow the file.
func (r *iscReader) quoted() string {
	var b strings.Builder
	for r.at++; r.at < len(r.text) && r.text[r.at] != '\n'; r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return b.String()
		case c == '\\' && r.at+1 < len(r.text) && r.text[r.at+1] != '\n':
			r.escape(&b)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escape reads \ooo, three octal digits, as dhcpd writes what is not
// printable, or the character behind the backslash.
func (r *iscReader) escape(b *strings.Builder) {
	if r.at+4 <= len(r.text) {
		if v, err := strconv.ParseUint(r.text[r.at+1:r.at+4], 8, 8); err == nil {
			b.WriteByte(byte(v))
			r.at += 3
			return
		}
	}
	r.at++
	b.WriteByte(r.text[r.at])
}
