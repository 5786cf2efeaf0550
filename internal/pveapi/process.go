package pveapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Run starts the program that is at path. It lives until what it reads from
// ends, which is when this process does, however that comes about. Neither our
// environment is its nor Ctrl-C, which is for us to heed.
func Run(path string, args ...string) (io.ReadWriteCloser, error) {
	cmd := &exec.Cmd{
		Path: path, Args: append([]string{Program}, args...), Dir: "/", Env: []string{}, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s doesn't start: %w", Program, err)
	}
	return &process{WriteCloser: in, out: out, process: cmd.Process, wait: sync.OnceValue(cmd.Wait)}, nil
}

// process is a program with both of its ends.
type process struct {
	io.WriteCloser
	out     io.Reader
	process *os.Process
	wait    func() error
}

// Read reads what the program says; at the end the error says how it ended.
func (p *process) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	_ = p.WriteCloser.Close()
	// It may have closed its output only.
	late := time.AfterFunc(time.Second, func() { _ = p.process.Kill() })
	defer late.Stop()
	if err := p.wait(); err != nil {
		return n, err
	}
	return n, io.EOF
}

// Close kills the program, and doesn't wait: one that hangs on a file of a
// pmxcfs which doesn't answer can't be killed.
func (p *process) Close() error {
	defer func() { go p.wait() }()
	return errors.Join(p.process.Kill(), p.WriteCloser.Close())
}
