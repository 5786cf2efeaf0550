package hook

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drain is how long the rest of a hook's output is waited for after its end. A
// process that has left its group may hold on to it for ever.
const drain = 100 * time.Millisecond

// runGroup runs a program as a process group of its own, with nothing to read,
// and hands over the lines that it writes. The whole group ends with it, or
// with the context: nothing of it lives on, and nobody but us ever has the
// other end of our own output.
func runGroup(ctx context.Context, path string, args, env []string, line func(string)) error {
	// The kernel ends the program when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", env, in, in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// The program's timers are to be as exact as always, though ours may be slack.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(usualSlack), 0, 0, 0)
	err = cmd.Start()
	_ = in.Close()
	if err != nil {
		return err
	}
	read := make(chan struct{})
	go func() { defer close(read); readLines(out, line) }()
	ended := make(chan struct{})
	go func() { defer close(ended); awaitEnd(cmd.Process.Pid) }()
	group := -cmd.Process.Pid
	select {
	case <-ended:
	case <-ctx.Done():
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-ended
	}
	// Not reaped yet, its number can't have become another group's.
	_ = syscall.Kill(group, syscall.SIGKILL)
	err = cmd.Wait()
	_ = out.SetReadDeadline(time.Now().Add(drain))
	<-read
	return err
}

// awaitEnd waits for the end of a child and leaves it to be reaped.
func awaitEnd(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
}

// readLines hands over whole lines, and of a very long one its beginning.
func readLines(r io.Reader, line func(string)) {
	b := bufio.NewReaderSize(r, 4096)
	for inside := false; ; {
		part, rest, err := b.ReadLine()
		if text := strings.TrimSpace(string(part)); text != "" && !inside {
			line(text)
		}
		if err != nil {
			return
		}
		inside = rest
	}
}
