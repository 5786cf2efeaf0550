package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/report"
)

// calls keeps what each write call brought.
type calls []string

func (c *calls) Write(p []byte) (int, error) {
	*c = append(*c, string(p))
	return len(p), nil
}

// broken is a writer whose reader has gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLogWritesOneLineInOneCall(t *testing.T) {
	t.Parallel()
	var out, errs calls
	l := report.New(&out, &errs, "")
	l.Info("CT 101: 10.0.0.201/24 from pool lan", report.Fields{VMID: 101})
	l.Warn("two\nlines\n\n", report.Fields{})
	l.Error("guest said \x1b[31mno\x00", report.Fields{})
	if diff := cmp.Diff(calls{"pve-iplease: CT 101: 10.0.0.201/24 from pool lan\n"}, out); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(calls{
		"pve-iplease: warning: two; lines\n", "pve-iplease: error: guest said �[31mno�\n",
	}, errs); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
}

func TestLogCutsLinesToWhatAPipeTakesAtOnce(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"x", "ä", "東", "😀", "x\n"} {
		var errs calls
		report.New(nil, &errs, "").Error(strings.Repeat(unit, 20000), report.Fields{})
		got := strings.Join(errs, "|")
		if len(got) > 4096 || len(got) < 3900 || !strings.HasSuffix(got, "…\n") || !utf8.ValidString(got) {
			t.Errorf("%q: a line of %d bytes, ending in %q", unit, len(got), got[len(got)-8:])
		}
	}
}

func TestLogSurvivesWritersThatFail(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	l := report.New(broken{}, &errs, "")
	l.Info("lost", report.Fields{})
	l.Error("kept", report.Fields{})
	if got := errs.String(); got != "pve-iplease: error: kept\n" {
		t.Errorf("stderr %q", got)
	}
	report.New(nil, nil, "").Warn("nobody listens", report.Fields{})
	new(report.Log).Error("nobody listens", report.Fields{})
}

// childEnv makes the test binary a process that logs.
const childEnv = "REPORT_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		l := report.New(os.Stdout, os.Stderr, "")
		for i := range 200 {
			l.Info(fmt.Sprintf("%s %d %s", name, i, strings.Repeat(name, 3000)), report.Fields{})
		}
		l.Error("still here", report.Fields{})
		os.Exit(7)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, name string, stdout *os.File) (stderr *bytes.Buffer, wait func() error) {
	t.Helper()
	stderr = &bytes.Buffer{}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{childEnv + "=" + name}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return stderr, cmd.Wait
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

func TestClosedStdoutIsSurvived(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	stderr, wait := child(t, "a", w)
	var exit *exec.ExitError
	if err := wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("the child ended with %v, want its own exit status 7", err)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "pve-iplease: error: still here\n") {
		t.Errorf("stderr %q", got)
	}
}

func TestLinesOfSeveralProcessesDoNotMix(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	var done sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		_, wait := child(t, name, w)
		done.Go(func() { _ = wait() })
	}
	go func() {
		done.Wait()
		_ = w.Close()
	}()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for line := range strings.Lines(string(all)) {
		name := strings.TrimPrefix(line, "pve-iplease: ")[:1]
		want := fmt.Sprintf("pve-iplease: %s %d %s\n", name, next[name], strings.Repeat(name, 3000))
		if line != want {
			t.Fatalf("a line of %d bytes is not %s's line %d: %.60q…", len(line), name, next[name], line)
		}
		next[name]++
	}
	if diff := cmp.Diff(map[string]int{"a": 200, "b": 200, "c": 200, "d": 200}, next); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
