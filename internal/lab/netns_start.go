package lab

import (
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts a command inside the namespace; it dies with this process,
// whatever ends it. The child's /sys still shows this process's own network.
func (n *Namespace) Start(cmd *exec.Cmd) error { return startBound(cmd, n.Do) }

// Run starts a command inside the namespace and waits for its end.
func (n *Namespace) Run(cmd *exec.Cmd) error {
	if err := n.Start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// StartBound starts a command that dies with this process, whatever ends it.
func StartBound(cmd *exec.Cmd) error {
	return startBound(cmd, func(f func() error) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		return f()
	})
}

// startBound starts a command on the thread that on runs it on, and keeps that
// thread until the command has ended: the kernel kills a child when the thread
// that started it ends (prctl(2), PR_SET_PDEATHSIG), as a thread does whose
// goroutine left it somewhere else.
func startBound(cmd *exec.Cmd, on func(func() error) error) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error, 2)
	go func() {
		started <- on(func() error {
			if err := cmd.Start(); err != nil {
				return err
			}
			pid := cmd.Process.Pid
			started <- nil
			awaitEnd(pid)
			return nil
		})
	}()
	return <-started
}

// awaitEnd waits for the end of a child and leaves it to be reaped; it may have
// been already.
func awaitEnd(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
}
