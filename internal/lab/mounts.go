package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// ownSys makes /sys show the network of the namespace that this process has
// been started in, to it and its children. The mount namespace is its own, as
// lxc-start's is in Proxmox too.
func ownSys() error {
	if err := privateMounts(); err != nil {
		return err
	}
	err := unix.Mount("lab", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if errors.Is(err, unix.EBUSY) { // it shows this very network already
		return nil
	}
	if err != nil {
		return fmt.Errorf("/sys of the new network namespace: %w", err)
	}
	return nil
}

// privateMounts keeps from the host what is mounted in this mount namespace.
func privateMounts() error {
	err := makePrivate()
	if errors.Is(err, unix.EINVAL) { // in a chroot, whose / nothing is mounted on
		err = outsideChroot(makePrivate)
	}
	return os.NewSyscallError("mount /", err)
}

func makePrivate() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }

// outsideChroot runs f on a thread whose / is the mount namespace's own, where
// setns leads (setns(2), CLONE_NEWNS). The thread does not come back: the
// runtime ends it with its goroutine.
func outsideChroot(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			mounts, err := os.Open("/proc/thread-self/ns/mnt")
			if err != nil {
				return err
			}
			defer mounts.Close()
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return os.NewSyscallError("unshare", err)
			}
			if err := unix.Setns(int(mounts.Fd()), unix.CLONE_NEWNS); err != nil {
				return os.NewSyscallError("setns", err)
			}
			return f()
		}()
	}()
	return <-done
}
