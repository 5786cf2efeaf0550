package node

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/lab"
)

// child is a copy of this binary that plays a part.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// play starts a child; run decides where, as lab.StartBound, the default, or Namespace.Start do.
func play(t testing.TB, part string, start func(*exec.Cmd) error, argv ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: exe, Args: argv, Env: append(os.Environ(), childEnv+"="+part), Stderr: os.Stderr}
	if base := filepath.Base(argv[0]); base == startCommand {
		cmd.Path = filepath.Join(t.TempDir(), base)
		if err := lab.InstallProgram(cmd.Path); err != nil {
			t.Fatal(err)
		}
	}
	c := &child{t: t, cmd: cmd}
	c.in, err = cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if start == nil {
		start = lab.StartBound
	}
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return c
}

// says is the next line of the child's output.
func (c *child) says() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil && line == "" {
		c.t.Fatal("child said nothing more: ", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// step lets the child go on.
func (c *child) step() {
	c.t.Helper()
	if _, err := c.in.Write([]byte("\n")); err != nil {
		c.t.Fatal(err)
	}
}

// end waits for the child's end.
func (c *child) end() {
	c.t.Helper()
	_ = c.in.Close()
	_ = c.cmd.Wait()
}
