package ledger

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lease"
)

// Between its calls a ledger keeps nothing open: a pmxcfs that was killed
// could not be started again.
func TestNothingStaysOpen(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	before := opened(t, host[0].root)
	l := host[0].ledger(t)
	for id := range 3 {
		update(t, l, touch(lease.VMID(id+1)))
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
