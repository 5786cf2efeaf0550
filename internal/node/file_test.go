package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

func TestReplaceFile(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", before)
	path := h.Path("/etc/pve/pve-iplease/pools.cfg")
	replace := func(old, content []byte) error { return h.ReplaceFile(t.Context(), path, old, content) }
	if err := replace([]byte{}, []byte("one")); !errors.Is(err, ErrFileChanged) {
		t.Errorf("without a file: %v", err)
	}
	if err := replace(nil, []byte("one")); err != nil || read(t, path) != "one" {
		t.Errorf("the first: %v", err)
	}
	if err := replace(nil, []byte("two")); !errors.Is(err, ErrFileChanged) || read(t, path) != "one" {
		t.Errorf("the first, again: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replace([]byte("one"), []byte("two")); err != nil || read(t, path) != "two" {
		t.Errorf("the second: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info, err)
	}
	if err := replace([]byte("one"), []byte("three")); !errors.Is(err, ErrFileChanged) || read(t, path) != "two" {
		t.Errorf("after somebody else: %v", err)
	}
	write(t, filepath.Join(filepath.Dir(path), ".pools.cfg123"), "of a killed run")
	if err := replace([]byte("two"), []byte("three")); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"pools.cfg"}, files(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// A link stays a link, and what it leads to is replaced.
func TestReplaceFileBehindALink(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", before)
	real, link := h.Path("/srv/pools.cfg"), h.Path("/etc/pools.cfg")
	write(t, real, "one")
	if err := os.Symlink("../srv/pools.cfg", link); err != nil {
		t.Fatal(err)
	}
	if err := h.ReplaceFile(t.Context(), link, []byte("one"), []byte("two")); err != nil || read(t, real) != "two" {
		t.Errorf("%v, %q", err, read(t, real))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
}

// Nothing may be created below an /etc/pve that isn't mounted.
func TestReplaceFileNeedsPmxcfs(t *testing.T) {
	t.Parallel()
	h, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if h.OnPmxcfs() {
		t.Skip("this machine is a Proxmox node")
	}
	err = h.ReplaceFile(t.Context(), "/etc/pve/pve-iplease/pools.cfg", nil, []byte("pool: lan\n"))
	if err == nil || !strings.Contains(err.Error(), "/etc/pve is not mounted") {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat("/etc/pve/pve-iplease"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
}

func TestReplaceFileFullDisk(t *testing.T) {
	t.Parallel()
	h, config := mountConfigs(t, "size=8k")
	path := filepath.Join(filepath.Dir(config), "pools.cfg")
	write(t, path, "one")
	long := []byte(strings.Repeat("#\n", 5000))
	for name, old := range map[string][]byte{"pools.cfg": []byte("one"), "new.cfg": nil} {
		err := h.ReplaceFile(t.Context(), filepath.Join(filepath.Dir(config), name), old, long)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), name+" stays as it was: ") || !strings.Contains(err.Error(), "make room") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff([]string{"101.conf", "pools.cfg"}, files(t, filepath.Dir(config))); diff != "" || read(t, path) != "one" {
		t.Errorf("file %q, files (-want +got):\n%s", read(t, path), diff)
	}
}

func TestReplaceFileReadOnly(t *testing.T) {
	t.Parallel()
	h, path := mountConfigs(t, "")
	if err := unix.Mount("", filepath.Dir(path), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	err := h.ReplaceFile(t.Context(), path, []byte(before), []byte(after))
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "stays as it was") || read(t, path) != before {
		t.Errorf("err = %v, file %q", err, read(t, path))
	}
}

func TestReplaceFileOnPmxcfs(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	var lost atomic.Bool
	h, pve := mountStrict(t, &lost)
	path := filepath.Join(pve, "pve-iplease/pools.cfg")
	if err := h.ReplaceFile(t.Context(), path, nil, []byte("one")); err != nil || read(t, path) != "one" {
		t.Fatal(err)
	}
	if err := h.ReplaceFile(t.Context(), path, []byte("one"), []byte("two")); err != nil || read(t, path) != "two" {
		t.Fatal(err)
	}
	lost.Store(true)
	err := h.ReplaceFile(t.Context(), path, []byte("two"), []byte("three"))
	if !errors.Is(err, syscall.EACCES) || !strings.Contains(err.Error(), "quorum") || read(t, path) != "two" {
		t.Errorf("err = %v", err)
	}
}
