package dhcp

import (
	"bytes"
	"strings"
)

// stripComments blanks out what Kea's JSON has and JSON doesn't: comments
// after #, after //, between /* and */, and a comma behind the last member.
// Every newline stays, so that lines keep their numbers.
func stripComments(data []byte) []byte {
	out := bytes.Clone(data)
	comma := -1 // a comma with nothing behind it yet
	for i := 0; i < len(out); {
		switch c := out[i]; {
		case c == '"':
			i += stringLength(out[i:])
			comma = -1
		case c == '#', bytes.HasPrefix(out[i:], []byte("//")):
			i += blank(out[i:], []byte("\n"))
		case bytes.HasPrefix(out[i:], []byte("/*")):
			i += blank(out[i:], []byte("*/"))
		default:
			if (c == ']' || c == '}') && comma >= 0 {
				out[comma] = ' '
			}
			if c == ',' {
				comma = i
			} else if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				comma = -1
			}
			i++
		}
	}
	return out
}

// stringLength is the length of the JSON string at the start, or of the rest.
func stringLength(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// blank puts spaces over a comment up to and with its end, newlines excepted,
// and returns its length.
func blank(b, end []byte) int {
	n := len(b)
	if i := bytes.Index(b, end); i >= 0 {
		n = i + len(end)
	}
	for i := range b[:n] {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
	return n
}

// uninclude replaces each <?include "PATH"?> by null and lists the paths.
func uninclude(data []byte) ([]byte, []string) {
	const begin, end = "<?include", "?>"
	text := string(data)
	var out strings.Builder
	var paths []string
	for {
		before, rest, found := strings.Cut(text, begin)
		out.WriteString(before)
		if !found {
			return []byte(out.String()), paths
		}
		path, after, closed := strings.Cut(rest, end)
		if !closed {
			return []byte(out.String()), paths
		}
		paths = append(paths, strings.Trim(strings.TrimSpace(path), `"`))
		out.WriteString("null")
		text = after
	}
}
