package main

import (
	"os"
	"strings"
	"testing"

	"pve-iplease/internal/config"
)

// TestReadme holds the README's examples of pools to what the program takes:
// whoever copies one must not meet a problem.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var pools, reservations, documents int
	for _, block := range blocks(string(text)) {
		file := "pools.cfg"
		switch {
		case strings.HasPrefix(block, "pool:"):
			pools++
		case strings.HasPrefix(block, "reservation:"):
			reservations++
			block = "pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\trange 10.0.0.200\n\n" + block
		case strings.HasPrefix(block, "{"):
			documents++
			file = "pools.json"
		default:
			continue
		}
		if _, problems := config.Parse(file, []byte(block)); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, block)
		}
	}
	if pools == 0 || reservations == 0 || documents == 0 {
		t.Errorf("%d pools, %d reservations, %d JSON documents; want some of each", pools, reservations, documents)
	}
}

// blocks are the parts of the text that are indented by four blanks.
func blocks(markdown string) (found []string) {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(markdown+"\n.\n", "\n") {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			b.WriteString(code)
		} else if b.Len() > 0 {
			found = append(found, b.String())
			b.Reset()
		}
	}
	return found
}
