package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

// peak runs a command to its end and tells how much memory it had at most
// (VmHWM), in KiB, asked of the kernel at the moment it exits. What wait4
// tells (ru_maxrss) begins with the size of this program, from which the other
// is forked: exec keeps the mark (fs/exec.c, setmax_mm_hiwater_rss).
func peak(in *lab.Node, cmd *exec.Cmd) (kib float64, err error) {
	err = in.Do(func() (err error) { // only the thread that started it may trace it
		kib, err = traced(cmd)
		return err
	})
	return kib, err
}

func traced(cmd *exec.Cmd) (kib float64, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	pid := cmd.Process.Pid
	defer func() { err = errors.Join(err, cmd.Process.Release()) }()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil { // it stops when it is about to begin
		return 0, os.NewSyscallError("wait4", err)
	}
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACEEXIT|unix.PTRACE_O_EXITKILL); err != nil {
		return 0, os.NewSyscallError("ptrace", err)
	}
	for signal := 0; ; {
		if err := unix.PtraceCont(pid, signal); err != nil {
			return 0, os.NewSyscallError("ptrace", err)
		}
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
			return 0, os.NewSyscallError("wait4", err)
		}
		switch {
		case ws.Exited() && kib > 0:
			return kib, nil
		case !ws.Stopped():
			return 0, fmt.Errorf("%s ended oddly: %#x", cmd.Args[0], uint32(ws))
		case ws.TrapCause() == unix.PTRACE_EVENT_EXIT:
			signal = 0
			if kib, err = highWater(pid); err != nil {
				return 0, err
			}
		default:
			signal = int(ws.StopSignal()) // its own; the Go runtime sends itself some
		}
	}
}

// highWater is VmHWM of /proc/PID/status (proc_pid_status(5)).
func highWater(pid int) (kib float64, err error) {
	text, _, _ := strings.Cut(fromFile(fmt.Sprintf("/proc/%d/status", pid), "VmHWM"), " ")
	return strconv.ParseFloat(text, 64)
}
