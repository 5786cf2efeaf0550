package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is what go test -json says (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// tally counts tests, their parts (t.Run) included.
type tally struct {
	out            io.Writer
	said           map[event]*strings.Builder // what running tests have said, by package and test
	passed, failed int
	skipped        map[string][]string // tests by reason
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, said: map[event]*strings.Builder{}, skipped: map[string][]string{}}
}

// read counts what go test says, and passes on a line a package, and what tests
// say that fail.
func (t *tally) read(r io.Reader) error {
	for in := json.NewDecoder(bufio.NewReader(r)); ; {
		var e event
		switch err := in.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("what go test says: %w", err)
		}
		t.take(e)
	}
}

func (t *tally) take(e event) {
	switch {
	case e.Action == "output" && e.Test != "":
		if !strings.HasPrefix(e.Output, "=== ") { // RUN, PAUSE, CONT
			t.of(e).WriteString(e.Output)
		}
	case e.Action == "output" && e.Output != "PASS\n" && e.Output != "FAIL\n", e.Action == "build-output":
		fmt.Fprint(t.out, e.Output)
	case e.Test == "":
		if e.Action == "fail" {
			t.fail(e)
		}
	case e.Action == "pass":
		t.passed++
		t.forget(e)
	case e.Action == "fail":
		t.failed++
		fmt.Fprint(t.out, t.of(e).String())
		t.forget(e)
	case e.Action == "skip":
		why := reason(t.of(e).String())
		t.skipped[why] = append(t.skipped[why], e.Test)
		t.forget(e)
	}
}

func (t *tally) of(e event) *strings.Builder {
	key := event{Package: e.Package, Test: e.Test}
	if t.said[key] == nil {
		t.said[key] = new(strings.Builder)
	}
	return t.said[key]
}

func (t *tally) forget(e event) { delete(t.said, event{Package: e.Package, Test: e.Test}) }

// fail passes on what the tests said that a package's end found running.
func (t *tally) fail(e event) {
	for _, key := range slices.SortedFunc(maps.Keys(t.said), func(a, b event) int { return cmp.Compare(a.Test, b.Test) }) {
		if key.Package == e.Package {
			fmt.Fprint(t.out, t.said[key].String())
			t.failed++
			t.forget(key)
		}
	}
}

// place is where t.Skip was called.
var place = regexp.MustCompile(`(?m)^ *[^ :]+\.go:\d+: `)

// reason is what a test said when it was skipped.
func reason(said string) string {
	said, _, _ = strings.Cut(said, "testscript.go:") // whose log follows
	if parts := place.Split(said, -1); len(parts) > 1 {
		said = parts[len(parts)-1]
	}
	said, _, _ = strings.Cut(said, "--- SKIP")
	return cmp.Or(strings.Join(strings.Fields(said), " "), "no reason given")
}

// sum says how many tests ran, and why others did not.
func (t *tally) sum() {
	skipped := 0
	for _, why := range slices.Sorted(maps.Keys(t.skipped)) {
		tests := t.skipped[why]
		skipped += len(tests)
		fmt.Fprintf(t.out, "skipped %d: %s (%s)\n", len(tests), why, some(tests))
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, skipped)
}

// some names the first tests of many.
func some(tests []string) string {
	if len(tests) > 3 {
		return strings.Join(tests[:3], ", ") + ", ..."
	}
	return strings.Join(tests, ", ")
}
