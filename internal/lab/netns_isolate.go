package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The environment of a copy that Isolate started: the network namespace of
// the host, which a test must not find itself in, and, until the copy has
// arranged its new place, fresh.
const (
	hostEnv  = "PVE_IPLEASE_LAB_HOST"
	freshEnv = "PVE_IPLEASE_LAB_FRESH"
)

// Isolate runs this program a second time, with the same arguments, in a
// network and a mount namespace of its own, and, when not root, in a user
// namespace where it is. In the copy it returns inside and the program goes
// on; in the original it returns the copy's exit status. An error means that
// the kernel or the missing rights forbid it, and that nothing ran.
//
// A program that is started with a cleared environment must not come here: it
// would not recognise itself as the copy.
func Isolate() (status int, inside bool, err error) {
	here, err := os.Readlink(threadNetNS)
	if err != nil {
		return 0, false, fmt.Errorf("which network this is in: %w; mount /proc", err)
	}
	if host := os.Getenv(hostEnv); host != "" && host != here {
		return 0, true, arrange()
	}
	status, err = runCopy(here)
	return status, false, err
}

// runCopy starts the copy and waits for it. The kernel kills the copy when
// the thread that started it ends, so the thread is held.
func runCopy(host string) (status int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(self(), os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), hostEnv+"="+host, freshEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = isolation()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("a network namespace of our own: %w; %s", err, remedy())
	}
	defer forwardSignals(cmd.Process)()
	if err := cmd.Wait(); cmd.ProcessState == nil {
		return 0, err
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// self is this program for a copy in a mount namespace of its own: by its name,
// where that leads to it. What is started by /proc/self/exe alone has, in a
// chroot, a name that leads nowhere.
func self() string {
	const link = "/proc/self/exe"
	name, err := os.Executable()
	if err != nil {
		return link
	}
	named, e1 := os.Stat(name)
	running, e2 := os.Stat(link)
	if e1 != nil || e2 != nil || !os.SameFile(named, running) {
		return link
	}
	return name
}

// remedy says what to do where the kernel allows no copy.
func remedy() string {
	if inChroot() {
		return "run as root: in a chroot the kernel gives nobody else a user namespace (user_namespaces(7))"
	}
	return "run as root or allow user namespaces"
}

// inChroot reports whether nothing is mounted on / (proc_pid_mountinfo(5)).
func inChroot() bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false // then that is what is missing
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == "/" {
			return false
		}
	}
	return true
}

// isolation says which namespaces the copy gets.
func isolation() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if uid := os.Geteuid(); uid != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// forwardSignals hands the signals that end a program on to the copy, which
// may have something to say about them, until stop is called.
func forwardSignals(p *os.Process) (stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		for s := range signals {
			_ = p.Signal(s) // it may have ended by itself
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// arrange makes the copy's place usable: /sys shows its own network, and its
// loopback is up. A child of the copy finds that done.
func arrange() error {
	if os.Getenv(freshEnv) == "" {
		return nil
	}
	if err := ownSys(); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("interface lo: %w", err)
	}
	return errors.Join(netlink.LinkSetUp(lo), os.Unsetenv(freshEnv))
}
