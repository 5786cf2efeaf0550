package hook_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// playWorker is a task that starts its argument, a program, and waits for it.
func playWorker(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode()
}

// playUnprobed becomes its argument, without the right to raw sockets.
func playUnprobed(args []string) int {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_RAW, 0, 0, 0); err != nil {
		return fail(err)
	}
	return become(args)
}

// playMute becomes its argument, with its standard streams closed.
func playMute(args []string) int {
	for fd := range 3 {
		if err := unix.Close(fd); err != nil {
			return fail(err)
		}
	}
	return become(args)
}

// playKeeper says so when it has the lock.
func playKeeper(args []string) int {
	lock := flock.New(args[0])
	if err := lock.Lock(); err != nil {
		return fail(err)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func become(args []string) int { return fail(syscall.Exec(args[0], args, os.Environ())) }

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "test program:", err)
	return 1
}
