// Command bench sets pve-iplease side by side with what people use today, on
// networks made of namespaces: real programs, whole processes, every number
// from this run. It touches neither the host's network nor its files but for
// the results, and whatever ends it, nothing else of it stays behind.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

func main() {
	opts, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2) // flag has said why
	}
	if opts.install {
		if err := install(os.Stdout); err != nil {
			fail(err)
		}
		return
	}
	status, inside, err := lab.Isolate()
	if err != nil {
		fail(err)
	}
	if !inside {
		os.Exit(status)
	}
	if err := run(opts); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// options are the command line.
type options struct {
	suites  []string       // empty: all
	only    *regexp.Regexp // nil: all rows
	runs    int
	quick   bool
	out     string
	program string
	install bool
}

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := f.String("suite", "", "run only these, of "+strings.Join(suiteNames(), ","))
	rows := f.String("only", "", "measure only rows that match this regular expression")
	f.IntVar(&o.runs, "runs", 10, "how often each is measured")
	f.BoolVar(&o.quick, "quick", false, "measure everything on a small scale, to see whether it works")
	f.StringVar(&o.out, "out", "bench-results", "the directory for results.md and the plots")
	f.StringVar(&o.program, "program", "bin/pve-iplease", "the program that is measured")
	f.BoolVar(&o.install, "install", false, "install what is compared with, where it is missing, and do nothing else")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	complain := func(format string, a ...any) (options, error) {
		err := fmt.Errorf(format, a...)
		fmt.Fprintln(f.Output(), "bench:", err)
		return o, err
	}
	if f.NArg() > 0 {
		return complain("what is %q? bench takes options alone", f.Arg(0))
	}
	if o.runs < 1 {
		return complain("-runs %d: at least 1", o.runs)
	}
	if *rows != "" {
		var err error
		if o.only, err = regexp.Compile(*rows); err != nil {
			return complain("-only: %w", err)
		}
	}
	if *only != "" {
		o.suites = strings.Split(*only, ",")
	}
	for _, name := range o.suites {
		if !slices.Contains(suiteNames(), name) {
			return complain("no suite is called %q; there are %s", name, strings.Join(suiteNames(), ", "))
		}
	}
	return o, nil
}

// scratch is where the files of the runs are: a file system in memory that
// only this process and its children see, and that goes when they do.
const scratch = "/mnt"

func run(o options) error {
	program, err := os.Open(o.program)
	if err != nil {
		return fmt.Errorf("%w; run 'make bench', which builds it", err)
	}
	// Opened before the scratch file system can hide them.
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	out, err := os.OpenRoot(o.out)
	if err != nil {
		return err
	}
	if err := unix.Mount("bench", scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("a scratch file system on %s: %w", scratch, err)
	}
	b := &bench{options: o, program: filepath.Join(scratch, "pve-iplease")}
	if err := lab.CopyProgram(b.program, program); err != nil {
		return err
	}
	return b.measure(&reporter{dir: out, name: o.out, terminal: os.Stdout, progress: newProgress(os.Stderr)})
}
