package ledger

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

var errShape = errors.New("it is not one JSON object")

// eachMember calls f for each member of a JSON object, with the key decoded
// and the value as it stands. Objects as this package writes them, flat and
// without blanks and escapes, are taken apart by hand, which is ten times as
// fast as encoding/json; all others are left to it.
func eachMember(object string, f func(key, raw string) error) error {
	if !flat(object) {
		return eachMemberJSON(object, f)
	}
	for rest := object[1 : len(object)-1]; rest != ""; {
		key, after, _ := strings.Cut(rest[1:], `"`)
		if rest[0] != '"' || after == "" || after[0] != ':' {
			return errShape
		}
		after = after[1:]
		end := valueLen(after)
		if end <= 0 {
			return errShape
		}
		if err := f(key, after[:end]); err != nil {
			return err
		}
		if rest = after[end:]; rest == "" {
			return nil
		}
		if rest[0] != ',' || rest == "," {
			return errShape
		}
		rest = rest[1:]
	}
	return nil
}

// flat reports whether an object can be taken apart by hand: no nesting, no
// escapes, no blanks outside of strings (they would fail to be a value).
func flat(s string) bool {
	return len(s) >= 2 && s[0] == '{' && strings.IndexByte(s, '}') == len(s)-1 &&
		strings.LastIndexByte(s, '{') == 0 && strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '[') < 0
}

// valueLen is the length of the string, number or word that s begins with.
func valueLen(s string) int {
	if s != "" && s[0] == '"' {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			return end + 2
		}
		return 0
	}
	if end := strings.IndexByte(s, ','); end >= 0 {
		return end
	}
	return len(s)
}

func eachMemberJSON(object string, f func(key, raw string) error) error {
	dec := json.NewDecoder(strings.NewReader(object))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return errShape
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return errShape
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return errShape
		}
		if err := f(key.(string), string(raw)); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil || dec.InputOffset() != int64(len(object)) {
		return errShape
	}
	return nil
}

// keep adds a member as it stands to those that are kept unread.
func keep(kept []byte, key, raw string) ([]byte, error) {
	name, err := json.Marshal(key)
	if err != nil || !utf8.ValidString(key) || !json.Valid([]byte(raw)) {
		return nil, errShape
	}
	if len(kept) > 0 {
		kept = append(kept, ',')
	}
	return append(append(append(kept, name...), ':'), raw...), nil
}
