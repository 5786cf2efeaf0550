package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lxcStart   = "/usr/bin/lxc-start"
	taskPrefix = "task UPID:" // how a Proxmox worker names itself

	controlFD = 3 // where an actor takes its orders

	// actorEnv marks an actor. A program that does not call Act would be
	// started again and again in its place: it is told by this.
	actorEnv = "PVE_IPLEASE_LAB_ACTOR"
)

// order is what an actor is told to do; it answers each with an answer.
type order struct {
	Do      string        // lock, unlock, listen, silence, hook, exit
	Path    string        `json:",omitempty"` // the file to lock, the socket to listen on
	Timeout time.Duration `json:",omitempty"` // of lock
	Argv    []string      `json:",omitempty"` // of hook
	Quiet   bool          `json:",omitempty"` // hook: its output goes nowhere
}

// answer holds Proxmox's own words when something went wrong.
type answer struct {
	Err string `json:",omitempty"`
}

// actor is a process that plays a part of Proxmox: the worker of a task, or a
// container's lxc-start.
type actor struct {
	lock   *os.File
	socket net.Listener
}

// Act makes this process an actor if it was started as one, which its own
// environment tells, and then does not return. The main function of a program
// that drives a Proxmox calls it first, before Isolate; a test's Main does.
func Act() {
	if os.Getenv(actorEnv) == "" {
		return
	}
	unix.CloseOnExec(controlFD)
	syscall.Umask(0o022)
	if err := ownSys(); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	play(os.NewFile(controlFD, "control"))
}

// play takes orders until it is told to exit. When whoever gives them is
// gone, the whole process group goes too, a running hook included.
func play(control *os.File) {
	a := new(actor)
	orders := make(chan order)
	go func() {
		in := json.NewDecoder(bufio.NewReader(control))
		for {
			var o order
			if in.Decode(&o) != nil {
				_ = unix.Kill(0, unix.SIGKILL)
			}
			orders <- o
		}
	}()
	out := json.NewEncoder(control)
	_ = out.Encode(answer{}) // ready; if nobody listens, the reader above ends us
	for o := range orders {
		if o.Do == "exit" {
			os.Exit(0)
		}
		var said answer
		if err := a.obey(o); err != nil {
			said.Err = err.Error()
		}
		_ = out.Encode(said)
	}
}

func (a *actor) obey(o order) (err error) {
	switch o.Do {
	case "lock":
		a.lock, err = lockFile(o.Path, o.Timeout)
		return err
	case "unlock":
		return a.lock.Close()
	case "listen":
		a.socket, err = net.Listen("unix", "@"+o.Path)
		return err
	case "silence":
		if a.socket == nil {
			return nil
		}
		return a.socket.Close()
	case "hook":
		return runHook(o.Argv, o.Quiet)
	}
	return fmt.Errorf("unknown order %q", o.Do)
}

// lockFile takes an exclusive flock as PVE::Tools::lock_file_full does.
func lockFile(path string, timeout time.Duration) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("can't lock file '%s' - can't open file - %w", path, err)
	}
	fd := int(file.Fd())
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil {
		return file, nil
	}
	fmt.Fprintln(os.Stderr, "trying to acquire lock...")
	got := make(chan error, 1)
	go func() { got <- unix.Flock(fd, unix.LOCK_EX) }()
	select {
	case err := <-got:
		fmt.Fprintln(os.Stderr, " OK")
		return file, err
	case <-time.After(timeout):
		return nil, fmt.Errorf("can't lock file '%s' - got timeout", path)
	}
}

// runHook runs a hook as PVE::GuestHelpers::exec_hookscript does: no
// environment to speak of, nothing to read, output and errors by a pipe each
// into the task's log. It waits for the end of the pipes too, so a child that
// keeps one blocks the task.
func runHook(argv []string, quiet bool) error {
	type pipe struct{ *os.File }
	cmd := &exec.Cmd{
		Path: argv[0],
		Args: argv,
		Env:  []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C"},
		Dir:  "/",
	}
	if !quiet {
		cmd.Stdout, cmd.Stderr = &pipe{os.Stderr}, &pipe{os.Stderr}
	}
	err := cmd.Run()
	if err == nil {
		return nil
	}
	return fmt.Errorf("command '%s' failed: %s", strings.Join(argv, " "), ending(err))
}

// ending is how PVE::Cmd::run words a command's bad end.
func ending(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return "failed to execute: " + err.Error()
	}
	if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
		return fmt.Sprintf("got signal %d", ws.Signal())
	}
	return fmt.Sprintf("exit code %d", exit.ExitCode())
}
