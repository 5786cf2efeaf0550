package jsontree_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pve-iplease/internal/jsontree"
)

func TestSyntaxErrorNamesLineAndPath(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, path string
		line       int
	}{
		"at the top": {"x", "", 1},
		"a name":     {"{\n \"a\": {\n  b: 1}}", "a", 3},
		"a value":    {"{\n \"a\": {\"b\": [1,\n x]}}", "a.b[1]", 3},
		"no comma":   {"{\n \"a\": {\"b\": 1\n \"c\": 2}}", "a", 3},
		"cut short":  {"{\"a\": [1, {\"b\": 2", "a[1]", 1},
		"deep":       {strings.Repeat("[", 20000), "", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := jsontree.Parse(tt.text)
			bad := (*jsontree.SyntaxError)(nil)
			if !errors.As(err, &bad) || bad.Line != tt.line || bad.Path != tt.path && name != "deep" {
				t.Errorf("%#v, want line %d, path %q", bad, tt.line, tt.path)
			}
		})
	}
}

// Every value's bytes are that value.
func FuzzParse(f *testing.F) {
	f.Add(`{"a" : [1, -2.5e3 ,"x\"y"], "a": {"b": null}, "": true}`)
	f.Fuzz(func(t *testing.T, text string) {
		root, err := jsontree.Parse(text)
		if (err == nil) != json.Valid([]byte(text)) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil {
			check(t, text, root)
		}
	})
}

func check(t *testing.T, text string, v *jsontree.Value) {
	if !json.Valid([]byte(text[v.Start:v.End])) {
		t.Errorf("%+v is %q", v, text[v.Start:v.End])
	}
	for i, m := range v.Members {
		var key string
		if err := json.Unmarshal([]byte(text[m.Start:m.Start+strings.LastIndexByte(text[m.Start:m.Value.Start], ':')]), &key); err != nil || key != m.Key {
			t.Errorf("the name %q is %q, %v", m.Key, key, err)
		}
		check(t, text, m.Value)
		checkValid(t, text, jsontree.DropMember(v, i))
		checkValid(t, text, jsontree.SetMember(text, v, m.Key, `"new"`))
	}
	for i, item := range v.Items {
		check(t, text, item)
		checkValid(t, text, jsontree.DropItem(v, i))
	}
	switch v.Kind {
	case jsontree.List:
		checkValid(t, text, jsontree.AddItem(text, v, "{}", "  "))
	case jsontree.Object:
		checkValid(t, text, jsontree.SetMember(text, v, "new\n", "[]"))
	}
}

func checkValid(t *testing.T, text string, s jsontree.Splice) {
	if got := jsontree.Apply(text, s); !json.Valid([]byte(got)) {
		t.Errorf("%q becomes %q", text, got)
	}
}
