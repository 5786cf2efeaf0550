package ledger

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Between its calls a ledger keeps nothing open: a pmxcfs that was killed
// could not be started again.
func TestNothingStaysOpen(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	before := opened(t, host[0].root)
	l := host[0].ledger(t)
	for id := range 3 {
		update(t, l, touch(pve.VMID(id+1)))
		view(t, l)
		if now := opened(t, host[0].root); !slices.Equal(now, before) {
			t.Errorf("open are %q, before %q", now, before)
		}
	}
}

// opened lists what this process has open below a directory.
func opened(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if path, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(path, dir) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// A mount that was pmxcfs is not believed to be one for ever, nor does a
// writer go on in the directory below it.
func TestUnmountedLater(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	h, l := host[0], host[0].ledger(t)
	update(t, l, touch(1))
	err := l.Update(t.Context(), func(table *lease.Table) error {
		if err := h.Unmount(); err != nil {
			t.Error(err)
		}
		for _, dir := range []string{"priv/lock", "priv/pve-iplease"} {
			if err := os.MkdirAll(h.path("etc/pve/"+dir), 0o700); err != nil {
				t.Error(err)
			}
		}
		return touch(2)(table)
	})
	if !errors.Is(err, ErrUnmounted) {
		t.Errorf("unmounted under the lock: %v", err)
	}
	if _, err := l.View(impatient(t)); !errors.Is(err, ErrUnmounted) {
		t.Errorf("view of what is unmounted: %v", err)
	}
	if err := l.Update(impatient(t), touch(3)); !errors.Is(err, ErrUnmounted) {
		t.Errorf("update of what is unmounted: %v", err)
	}
	for _, dir := range []string{"priv/lock", "priv/pve-iplease"} {
		if left, err := os.ReadDir(h.path("etc/pve/" + dir)); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", dir, left, err)
		}
	}
}

// Links lead nowhere, and neither do ways out of the mount.
func TestOnlyBelowTheMount(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	m, err := openMount(host[0].path("etc/pve"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	for name, want := range map[string]error{"local/lxc": unix.ELOOP, "../resolv.conf": unix.EXDEV, "/etc/passwd": unix.EXDEV} {
		if f, err := m.open(name, unix.O_RDONLY); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// The same where a filter of system calls knows no openat2(2), as that of
// systemd's RestrictSUIDSGID= doesn't.
func TestWithoutOpenat2(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	for i, h := range host {
		c := h.child(i+1, 3)
		c.Refused = unix.ENOSYS
		if out, err := c.command(t).CombinedOutput(); err != nil || strings.Contains(string(out), failed) {
			t.Errorf("%v: %s", err, out)
		}
	}
	table := view(t, host[0].ledger(t))
	for id := range host {
		for i := range 3 {
			if len(table.Everywhere(mark(id+1, i))) != 1 {
				t.Errorf("update %d of child %d is lost", i, id+1)
			}
		}
	}
}

func TestOpenStepByStep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(dir+"/a/b", 0o700), os.WriteFile(dir+"/a/b/file", []byte("x"), 0o600), os.Symlink("a", dir+"/a-link"), os.Symlink("file", dir+"/a/b/link"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	top, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(top) }()
	before := opened(t, dir)
	for name, want := range map[string]error{
		"a/b/file": nil, "a/b/new": unix.ENOENT, "a-link/b/file": unix.ELOOP, "a/b/link": unix.ELOOP, "a/none/file": unix.ENOENT,
		"a/b/file/x": unix.ENOTDIR, "../x": unix.EXDEV, "a/../../x": unix.EXDEV, "/etc/passwd": unix.EXDEV, "": unix.ENOENT,
	} {
		fd, err := stepwise(top, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	if fd, err := stepwise(top, "a/b/new", unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600); err != nil {
		t.Error(err)
	} else {
		_ = unix.Close(fd)
	}
	if now := opened(t, dir); !slices.Equal(now, before) {
		t.Errorf("open are %q, before %q", now, before)
	}
}
