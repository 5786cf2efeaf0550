package lab_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

// In a chroot, whose / nothing is mounted on, there is a place of one's own
// too, where the program finds itself, and whoever is outside sees none of its
// mounts.
func TestIsolateInAChroot(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	outside := t.TempDir()
	mount(f, t, "lab", outside, "tmpfs", 0)
	f.Must(unix.Mount("", outside, "", unix.MS_SHARED, "")) // as a host's mounts are
	root := filepath.Join(outside, "root")
	f.Must(os.MkdirAll(filepath.Join(root, "sys"), 0o755))
	for _, dir := range []string{"/proc", "/usr", "/lib", "/lib64"} { // with the race detector a test needs libraries
		if _, err := os.Stat(dir); err == nil {
			f.Must(os.MkdirAll(filepath.Join(root, dir), 0o755))
			mount(f, t, dir, filepath.Join(root, dir), "", unix.MS_BIND|unix.MS_REC)
		}
	}
	f.Must(lab.InstallProgram(filepath.Join(root, "program")))
	before := mountsBelow(f, outside)

	child := roleCommand("isolated")
	child.Path, child.Dir = "/program", "/"
	child.Env = slices.DeleteFunc(child.Env, func(e string) bool { return strings.HasPrefix(e, "PVE_IPLEASE_LAB_") })
	child.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	child.Stderr = nil // together with the rest
	if out, err := child.CombinedOutput(); err != nil || string(out) != "[L lo] /program\n" {
		t.Errorf("the devices in its /sys, and its name: %q, %v", out, err)
	}
	if after := mountsBelow(f, outside); after != before {
		t.Errorf("mounts outside were\n%sand are\n%s", before, after)
	}
}

// mount mounts for the time of a test.
func mount(f lab.Fixture, t *testing.T, source, target, kind string, flags uintptr) {
	t.Helper()
	f.Must(unix.Mount(source, target, kind, flags, ""))
	t.Cleanup(func() { f.Must(unix.Unmount(target, unix.MNT_DETACH)) })
}

// mountsBelow are this process's mounts in a directory.
func mountsBelow(f lab.Fixture, dir string) string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	f.Must(err)
	var below strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, dir) {
			below.WriteString(line)
		}
	}
	return below.String()
}
