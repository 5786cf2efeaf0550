package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

// smallDisk mounts a file system of 64 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	lab.Require(t)
	dir := t.TempDir()
	if err := unix.Mount("small", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	l := openFile(t, filepath.Join(dir, "pve-iplease"))
	update(t, l, touch(1))
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling it: %v", err)
	}
	err := l.Update(t.Context(), touch(2))
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "no space left on device") || !strings.Contains(err.Error(), "the ledger is unchanged") {
		t.Errorf("full: %v", err)
	}
	if got := view(t, l); !holds(got, 1) || holds(got, 2) {
		t.Errorf("full: %+v", got.Nodes)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	// A process that is just being started shares our open files until it is,
	// and so keeps the room that the file took.
	for err, n := l.Update(t.Context(), touch(3)), 0; err != nil; err, n = l.Update(t.Context(), touch(3)), n+1 {
		if !errors.Is(err, ErrFull) || n == 1000 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := view(t, l); !holds(got, 3) {
		t.Errorf("room again: %+v", got.Nodes)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	l := openFile(t, filepath.Join(dir, "pve-iplease"))
	update(t, l, touch(1))
	if err := unix.Mount("small", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	err := l.Update(t.Context(), touch(2))
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "look into the kernel log why") || !strings.Contains(err.Error(), "the ledger is unchanged") {
		t.Errorf("read-only: %v", err)
	}
	if got := view(t, l); !holds(got, 1) {
		t.Errorf("read-only: %+v", got.Nodes)
	}
	fresh := openFile(t, filepath.Join(dir, "other"))
	err = fresh.Update(t.Context(), touch(1))
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "cannot be created") {
		t.Errorf("first use: %v", err)
	}
}

func TestInTheWay(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pve-iplease")
	write(t, dir, "a file")
	l := openFile(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Update(ctx, touch(1)); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("update: %v", err)
	}
	if _, err := l.View(ctx); err == nil {
		t.Error("view: no error")
	}
}
