package inventory

import (
	"strings"
	"unicode/utf8"

	"pve-iplease/internal/pve"
)

// scanList reads the list as pmxcfs prints it (cfs_create_vmlist_msg in
// status.c), in a small part of the time that a JSON decoder takes; ok is
// false when a single byte is different.
//
//	{
//	"version": 9,
//	"ids": {
//	"101": { "node": "pve1", "type": "lxc", "version": 7 },
//	"200": { "node": "pve2", "type": "qemu", "version": 12 }}
//
//	}
func scanList(text string) (files []file, ok bool) {
	s := scanner{rest: text}
	s.skip("{\n\"version\": ")
	s.number()
	if s.rest == "\n\n}\n" {
		return nil, !s.bad
	}
	s.skip(",\n\"ids\": {\n")
	files = make([]file, 0, len(text)/50)
	for more := true; more && !s.bad; more = s.more(",\n") {
		s.skip(`"`)
		id := s.number()
		s.skip(`": { "node": "`)
		node := s.word()
		s.skip(`, "type": "`)
		kind, known := kindOf(s.word())
		s.skip(`, "version": `)
		v := s.number()
		s.skip(" }")
		if known && id >= 100 && id <= 999999999 {
			files = append(files, file{place{node, kind, pve.VMID(id)}, version{1: v}})
		}
	}
	s.skip("}\n\n}\n")
	return files, !s.bad && s.rest == ""
}

// scanner takes a text apart from its beginning on.
type scanner struct {
	rest string
	bad  bool // it is not what was expected
}

// more takes what comes next if it is this.
func (s *scanner) more(what string) (found bool) {
	s.rest, found = strings.CutPrefix(s.rest, what)
	return found
}

func (s *scanner) skip(what string) { s.bad = !s.more(what) || s.bad }

// number takes a number of at most ten digits.
func (s *scanner) number() (n int64) {
	i := 0
	for i < len(s.rest) && i <= 10 && s.rest[i] >= '0' && s.rest[i] <= '9' {
		n = 10*n + int64(s.rest[i]-'0')
		i++
	}
	s.bad = s.bad || i == 0 || i > 10
	s.rest = s.rest[i:]
	return n
}

// word takes a string up to and with the quote that ends it. pmxcfs knows no
// escapes, and a node's name has nothing to escape. Bytes that are no UTF-8 are
// left to the JSON decoder, which puts U+FFFD in their place.
func (s *scanner) word() string {
	end := strings.IndexAny(s.rest, "\"\\\n")
	if end < 0 || s.rest[end] != '"' || !utf8.ValidString(s.rest[:end]) {
		s.bad = true
		return ""
	}
	word := s.rest[:end]
	s.rest = s.rest[end+1:]
	return word
}
