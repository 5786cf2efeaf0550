package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A package of two files whose order its comment gives: the second uses a name
// of the first, which is the way back.
func TestCount(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"first.go":  "// Package p reads first.go, second.go.\npackage p\n\ntype T struct{}\n\nfunc (T) A() { down() }\n\nfunc (T) B() {}\n",
		"second.go": "package p\n\nfunc down() { var _ T }\n\nfunc long() {\n" + strings.Repeat("\tdown()\n", longFunction) + "}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	house{p, p}.print(&out, true)
	for _, want := range []string{
		"  1 arrows back up the reading order\n    second.go -> first.go (1)\n",
		"most methods on a type   2 (" + dir + ".T)\n",
		"functions over 50 lines  2 " + dir + ".long (52), ",
		"type names in packages   1 in two or more\n    T: ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}
