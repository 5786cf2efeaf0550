package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// childEnv names the part that a copy of this test binary plays.
const childEnv = "NODE_TEST_CHILD"

func TestMain(m *testing.M) {
	part := os.Getenv(childEnv)
	if part == "" {
		os.Exit(lab.Main(m))
	}
	if err := parts()[part](os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// parts are what children do; each says a line when it is ready and does its
// next step on a line of its standard input, or at its end.
func parts() map[string]func([]string) error {
	return map[string]func([]string) error{
		"hold":   func(a []string) error { return holdLock(a[0], func() error { return nextStep("held") }) },
		"parent": func(a []string) error { return holdLock(a[0], func() error { return runPart("lock", a[1:]...) }) },
		"lock":   lockOnce,
		"start":  playStart,
		"stop":   reportStoppingRun,
		"crowd":  playCrowd,
		"leave":  leaveOrphan,
		"orphan": awaitOrphaned,
	}
}

// nextStep says what is done and waits to be told to go on.
func nextStep(said string) error {
	fmt.Println(said)
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func holdLock(path string, f func() error) error {
	l := flock.New(path)
	if ok, err := l.TryLock(); !ok || err != nil {
		return fmt.Errorf("flock %s: %t %w", path, ok, err)
	}
	return f()
}

// runPart plays a part in a child of this child.
func runPart(part string, args ...string) error {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func lockOnce(args []string) error {
	h, err := Open(args[0])
	if err != nil {
		return err
	}
	unlock, err := h.LockGuest(context.Background(), 101, 0)
	if err != nil {
		return err
	}
	fmt.Println("locked")
	unlock()
	return nil
}

// playStart is an lxc-start: "-F -n <vmid>" and then, for the test, "socket"
// to hold the command socket until the first step, "hook" to run a hook.
func playStart(args []string) error {
	for _, a := range args[3:] {
		switch a {
		case "socket":
			l, err := net.Listen("unix", "@/var/lib/lxc/"+args[2]+"/command")
			if err != nil {
				return err
			}
			if err := nextStep("running"); err != nil {
				return err
			}
			_ = l.Close()
		case "hook":
			return runPart("stop", args[2])
		}
	}
	return nextStep("stopping")
}

// playCrowd listens on a socket that lets nobody in any more.
func playCrowd(args []string) error {
	name := &unix.SockaddrUnix{Name: args[0]}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = errors.Join(unix.Bind(fd, name), unix.Listen(fd, 0))
	}
	for err == nil {
		var caller int
		if caller, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0); err == nil {
			err = unix.Connect(caller, name)
		}
	}
	if !errors.Is(err, unix.EAGAIN) {
		return err
	}
	return nextStep("crowded")
}

func reportStoppingRun(args []string) error {
	id, err := pve.ParseVMID(args[0])
	if err != nil {
		return err
	}
	h, err := Open("")
	if err != nil {
		return err
	}
	start, ok := h.StoppingRun(id)
	own, _ := statOf(os.Getppid())
	_, other := h.StoppingRun(id + 1)
	fmt.Println(ok, start == own.start, start <= h.Uptime(), other)
	return nil
}

// leaveOrphan starts a child and ends before it.
func leaveOrphan([]string) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=orphan")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := nextStep("parent"); err != nil {
		return err
	}
	return in.Close() // and so the child goes on
}

func awaitOrphaned([]string) error {
	h, err := Open("")
	if err != nil {
		return err
	}
	fmt.Println("orphaned:", h.Orphaned())
	_, _ = io.Copy(io.Discard, os.Stdin)
	for range 1000 {
		if h.Orphaned() {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("orphaned:", h.Orphaned())
	return nil
}
