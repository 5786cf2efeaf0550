package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/lab"
)

// playEnv makes the test binary the program itself.
const playEnv = "BENCH_TEST_PLAY"

func TestMain(m *testing.M) {
	if os.Getenv(playEnv) != "" {
		main()
		return
	}
	os.Exit(lab.Main(m))
}

// program is a command line of the benchmark, which is not yet where it
// cannot reach the host's network.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PVE_IPLEASE_LAB_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, playEnv+"=1")
	return cmd
}

// product builds what is measured.
func product(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pve-iplease")
	if err := lab.Build(path, "../..", "./hookscript"); err != nil {
		t.Fatal(err)
	}
	return path
}

// A whole run, on a small scale: it measures, and writes a report in which
// nothing failed, with its plots.
func TestQuick(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	dir := t.TempDir()
	cmd := program(t, "-quick", "-suite", "cost,growth", "-out", dir, "-program", product(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	report := string(data)
	for _, want := range []string{costSuite().question, growthSuite().question, "pve-iplease, pre-start", "starts at once | 5", "5 of 5"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(report, "failed") {
		t.Error("something failed")
	}
	wellFormed(t, report)
	for _, name := range []string{"growth-guests.svg", "growth-pools.svg", "growth-starts.svg"} {
		if !strings.Contains(report, "("+name+")") {
			t.Errorf("the report doesn't show %s", name)
		}
		drawn(t, filepath.Join(dir, name))
	}
	if t.Failed() {
		t.Logf("\n%s", report)
	}
}

// wellFormed fails the test unless each table has as many cells in every row.
func wellFormed(t *testing.T, report string) {
	t.Helper()
	cells := 0
	for line := range strings.Lines(report) {
		n := strings.Count(line, "|") - strings.Count(line, `\|`)
		if n > 0 && cells > 0 && n != cells {
			t.Errorf("%d cell borders after rows with %d: %s", n, cells, line)
		}
		cells = n
	}
}

// drawn fails the test unless the file is an SVG with lines and text.
func drawn(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	elements := map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["svg"] != 1 || elements["path"] == 0 || elements["text"] == 0 {
		t.Errorf("%s: elements %v", path, elements)
	}
}

// Killed in the middle, it leaves no process behind: of the pipe that all
// share there is no writer left.
func TestKilled(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := program(t, "-suite", "cost", "-runs", "1000", "-out", t.TempDir(), "-program", "/bin/true")
	cmd.Stdout = w
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(r)
	if _, err := out.ReadString('\n'); err != nil { // it is at work
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-suite nonsense": `no suite is called "nonsense"; there are start, `,
		"-runs 0":         "-runs 0: at least 1",
		"cost":            `what is "cost"?`,
		"-nonsense":       "flag provided but not defined",
	} {
		out, err := program(t, strings.Fields(args)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want exit status 2 and %q:\n%s", args, err, want, out)
		}
	}
}
