package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a single run may take.
const patience = 10 * time.Minute

// spent is what a process, with those that it waited for, has cost.
type spent struct {
	began     time.Time
	wall, cpu time.Duration
	sent      uint64 // frames that left the node by its uplink
	out, log  string // standard output and error
	code      int    // exit status
}

// starter starts a command in a namespace.
type starter interface{ Start(*exec.Cmd) error }

// spend runs a command to its end. An exit status is no error.
func spend(in starter, cmd *exec.Cmd) (spent, error) {
	var out, log bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &log
	}
	// In a process group of its own, so that its patience ends with that of
	// its children.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s := spent{began: time.Now()}
	if err := in.Start(cmd); err != nil {
		return s, err
	}
	stop := time.AfterFunc(patience, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	err := cmd.Wait()
	s.wall = time.Since(s.began)
	if !stop.Stop() {
		return s, fmt.Errorf("%s has not ended after %s", cmd.Args[0], patience)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return s, err
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.out, s.log, s.code = out.String(), log.String(), cmd.ProcessState.ExitCode()
	return s, nil
}
