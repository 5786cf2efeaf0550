// Command suite runs the tests of all of the project's modules, and says in the
// end how many tests ran, and which were skipped for want of what. Its arguments
// are go test's. To be run at the top of the project.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// alone are the packages whose tests play whole nodes, with processes that
// have deadlines: two of them at once keep two processors so busy that one is
// missed. Everything else runs side by side: networks, ports and files are each
// test's own.
var alone = []string{"internal/hook", "internal/cli", "internal/probe", "internal/lab", "internal/evidence"}

// modules are those of the project: the main one, then what depends on it.
var modules = []string{".", "scripts/bench"}

func main() {
	t := newTally(os.Stdout)
	err := errors.Join(t.run(os.Args[1:])...)
	t.sum()
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
}

// run runs everything: first what may run side by side, then the rest, one
// package after the other.
func (t *tally) run(args []string) (failed []error) {
	for _, module := range modules {
		packages, err := list(module)
		if err != nil {
			return append(failed, err)
		}
		together, single := split(packages)
		if module != "." {
			together, single = nil, packages
		}
		for _, part := range []struct {
			packages []string
			flags    []string
		}{{together, nil}, {single, []string{"-p", "1"}}} {
			if len(part.packages) > 0 {
				failed = append(failed, t.test(module, slices.Concat(part.flags, args, part.packages)))
			}
		}
	}
	return failed
}

// split sorts packages into those that run side by side and those that don't.
func split(packages []string) (together, single []string) {
	for _, p := range packages {
		_, path, _ := strings.Cut(p, "/")
		if slices.Contains(alone, path) {
			single = append(single, p)
		} else {
			together = append(together, p)
		}
	}
	return together, single
}

func list(module string) ([]string, error) {
	cmd := exec.Command("go", "list", "./...")
	cmd.Dir, cmd.Stderr = module, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", module, err)
	}
	return strings.Fields(string(out)), nil
}

// test runs go test in a module and counts.
func (t *tally) test(module string, args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Dir = module
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	read := t.read(out)
	_, _ = io.Copy(io.Discard, out) // what is left when that went wrong
	err = cmd.Wait()
	if err != nil {
		_, _ = os.Stderr.Write(said.Bytes())
		err = fmt.Errorf("go test in %s: %w", module, err)
	}
	return errors.Join(read, err)
}
