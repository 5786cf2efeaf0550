package probe

import "encoding/json"

// ovsRow is a row of Open vSwitch's database: a value for each column, in one
// of the notations of RFC 7047 §5.1: an atom ("up", 20, ["uuid", "…"]), a set
// (["set", […]]) or a map (["map", [[key, value], …]]).
type ovsRow map[string]json.RawMessage

// atoms are the members of a column's set; a set of one is written as its
// member alone.
func (r ovsRow) atoms(column string) []any {
	var v any
	if json.Unmarshal(r[column], &v) != nil || v == nil {
		return nil
	}
	if pair, ok := v.([]any); ok && len(pair) == 2 && pair[0] == "set" {
		members, _ := pair[1].([]any)
		return members
	}
	return []any{v}
}

// set is a column of strings or UUIDs.
func (r ovsRow) set(column string) []string {
	var out []string
	for _, a := range r.atoms(column) {
		if pair, ok := a.([]any); ok && len(pair) == 2 && pair[0] == "uuid" {
			a = pair[1]
		}
		if s, ok := a.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// one is the first member of such a column, or empty.
func (r ovsRow) one(column string) string {
	if s := r.set(column); len(s) > 0 {
		return s[0]
	}
	return ""
}

// numbers is a column of integers.
func (r ovsRow) numbers(column string) []int {
	var out []int
	for _, a := range r.atoms(column) {
		if n, ok := a.(float64); ok {
			out = append(out, int(n))
		}
	}
	return out
}

// mapped is a column that maps strings to strings.
func (r ovsRow) mapped(column string) map[string]string {
	var v []any
	if json.Unmarshal(r[column], &v) != nil || len(v) != 2 || v[0] != "map" {
		return nil
	}
	pairs, _ := v[1].([]any)
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		pair, _ := p.([]any)
		if len(pair) != 2 {
			continue
		}
		key, _ := pair[0].(string)
		value, _ := pair[1].(string)
		out[key] = value
	}
	return out
}
