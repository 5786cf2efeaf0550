package cli

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lab"
)

func manual(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../packaging/man", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// chapter is what stands under a heading.
func chapter(text, heading string) string {
	_, rest, _ := strings.Cut(text, "\n.Sh "+heading+"\n")
	body, _, _ := strings.Cut(rest, "\n.Sh ")
	return body
}

// pve-iplease(8) has every command with every option of its own, and no other.
func TestManualHasEveryCommand(t *testing.T) {
	t.Parallel()
	text := manual(t, "pve-iplease.8")
	documented := map[string][]string{}
	for _, entry := range strings.Split(chapter(text, "COMMANDS"), "\n.It Cm ")[1:] {
		documented[commandOf(entry)] = options(entry)
	}
	a := &app{out: io.Discard, err: io.Discard}
	root := a.root()
	real := map[string][]string{}
	walk(root, func(c *cobra.Command, path string) {
		if c.HasAvailableSubCommands() || c.Hidden || path == "help" {
			return
		}
		real[path] = []string{}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				real[path] = append(real[path], f.Name)
			}
		})
		slices.Sort(real[path])
	})
	if diff := cmp.Diff(real, documented); diff != "" {
		t.Errorf("packaging/man/pve-iplease.8 (-the program +the manual):\n%s", diff)
	}
	var global []string
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { global = append(global, f.Name) })
	if diff := cmp.Diff(append(global, "help", "version"), options(chapter(text, "OPTIONS")), sorted()); diff != "" {
		t.Errorf("options of all commands (-the program +the manual):\n%s", diff)
	}
}

// commandOf is the path before the arguments in an entry's head.
func commandOf(entry string) string {
	head, _, _ := strings.Cut(entry, "\n")
	words := strings.Fields(head)
	if i := slices.IndexFunc(words, func(w string) bool { return slices.Contains([]string{"Ar", "Op", "Cm", "Fl"}, w) }); i >= 0 {
		words = words[:i]
	}
	return strings.Join(words, " ")
}

func sorted() cmp.Option {
	return cmp.Transformer("sorted", func(s []string) []string { return slices.Sorted(slices.Values(s)) })
}

// options are the names behind .It Fl, sorted.
func options(text string) []string {
	found := []string{}
	for line := range strings.Lines(text) {
		if list, ok := strings.CutPrefix(line, ".It Fl "); ok {
			for _, m := range regexp.MustCompile(`(?:^|[ ,])-([a-z0-9-]+)`).FindAllStringSubmatch(list, -1) {
				found = append(found, m[1])
			}
		}
	}
	slices.Sort(found)
	return found
}

// pve-iplease-pools.cfg(5) has every property, and no other.
func TestManualHasEveryProperty(t *testing.T) {
	t.Parallel()
	text := manual(t, "pve-iplease-pools.cfg.5")
	for heading, words := range map[string][]config.Word{"POOLS": config.PoolWords(), "RESERVATIONS": config.ReservationWords()} {
		var real, documented []string
		for _, w := range words {
			real = append(real, w.Key)
		}
		for _, m := range regexp.MustCompile(`(?m)^\.It Ic ([a-z0-9-]+)`).FindAllStringSubmatch(chapter(text, heading), -1) {
			documented = append(documented, m[1])
		}
		if diff := cmp.Diff(real, documented, sorted()); diff != "" {
			t.Errorf("%s (-the program +the manual):\n%s", heading, diff)
		}
	}
}

// The example in the manual is a pools file without a problem.
func TestManualsExample(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(manual(t, "pve-iplease-pools.cfg.5"), ".Bd -literal -offset indent\n")
	example, _, _ := strings.Cut(rest, ".Ed")
	if c, problems := config.Parse("pools.cfg", []byte(example)); len(c.Pools) != 1 || len(c.Reservations) != 1 || len(problems) > 0 {
		t.Errorf("%v\n%s", problems, example)
	}
}

func TestManualsAreWellFormed(t *testing.T) {
	t.Parallel()
	mandoc := lab.RequireProgram(t, "mandoc")
	pages, err := filepath.Glob("../../packaging/man/*.[1-9]")
	if err != nil || len(pages) != 2 {
		t.Fatalf("%q, %v", pages, err)
	}
	if out, err := exec.Command(mandoc, append([]string{"-Tlint", "-Wwarning"}, pages...)...).CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
