package hook_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/pve"
)

// command is the hook as Proxmox starts it, or another part that plays it.
func (h *host) command(part string, args ...string) *exec.Cmd {
	// "go test -cover -args -test.gocoverdir=DIR" gathers what the parts run, too.
	env := []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C"}
	if f := flag.Lookup("test.gocoverdir"); f != nil && f.Value.String() != "" {
		env = append(env, "GOCOVERDIR="+f.Value.String())
	}
	return &exec.Cmd{
		Path: filepath.Join(h.bin, part),
		Args: append([]string{filepath.Join(h.bin, part)}, args...),
		Env:  env,
		Dir:  "/",
	}
}

// call is the command line of a hook of this host.
func (h *host) call(id pve.VMID, phase string, flags ...string) []string {
	return append([]string{"--root", h.root, id.String(), phase}, flags...)
}

// running is a started process with its task log.
type running struct {
	h   *host
	cmd *exec.Cmd
	log bytes.Buffer
}

// launch starts a process whose standard output and error are one task log.
func (h *host) launch(cmd *exec.Cmd) *running {
	h.t.Helper()
	r := &running{h: h, cmd: cmd}
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	h.Must(h.node.Start(cmd))
	return r
}

// wait waits for the process's end and checks the form of its log.
func (r *running) wait() result {
	r.h.t.Helper()
	res := r.end()
	for line := range strings.Lines(res.log) {
		if !strings.HasPrefix(line, "pve-iplease: ") || !strings.HasSuffix(line, "\n") {
			r.h.t.Errorf("the task log has the line %q", line)
		}
	}
	return res
}

// end waits for the process's end.
func (r *running) end() result {
	r.h.t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.h.t.Fatal(err)
	}
	return result{r.h.t, r.cmd.ProcessState.ExitCode(), r.log.String()}
}

// start calls pre-start and waits. It fails the test if anything changed that
// is not this start's to change.
func (h *host) start(id pve.VMID, flags ...string) result {
	h.t.Helper()
	return h.guarded(id, h.command(program, h.call(id, "pre-start", flags...)...))
}

// guarded runs a hook for a container and holds what it did against the rules.
func (h *host) guarded(id pve.VMID, cmd *exec.Cmd) result {
	h.t.Helper()
	before := h.observe()
	res := h.launch(cmd).wait()
	before.guard(h, id, res)
	return res
}

// phase calls another phase and waits.
func (h *host) phase(id pve.VMID, phase string, flags ...string) result {
	h.t.Helper()
	return h.launch(h.command(program, h.call(id, phase, flags...)...)).wait()
}

// result is how a call went.
type result struct {
	t    testing.TB
	code int // -1: killed
	log  string
}

// exits fails the test unless the exit code is this.
func (r result) exits(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Errorf("exit code %d, want %d; the task log is:\n%s", r.code, code, r.log)
	}
	return r
}

// says fails the test unless some line of the log has all of these parts.
func (r result) says(parts ...any) result {
	r.t.Helper()
	for line := range strings.Lines(r.log) {
		if !lacks(line, parts) {
			return r
		}
	}
	r.t.Errorf("no line says %q; the task log is:\n%s", parts, r.log)
	return r
}

func lacks(line string, parts []any) bool {
	for _, p := range parts {
		if !strings.Contains(line, fmt.Sprint(p)) {
			return true
		}
	}
	return false
}

// omits fails the test if the log has one of these parts anywhere.
func (r result) omits(parts ...any) result {
	r.t.Helper()
	for _, p := range parts {
		if strings.Contains(r.log, fmt.Sprint(p)) {
			r.t.Errorf("%q is said; the task log is:\n%s", p, r.log)
		}
	}
	return r
}
