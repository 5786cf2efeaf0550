package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

func TestReplaceStopsWhenTold(t *testing.T) {
	t.Parallel()
	h, path := tree(t, "101", before)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("terminated by SIGTERM"))
	err := h.Replace(ctx, pve.Container, 101, []byte(before), []byte(after))
	if err == nil || !strings.Contains(err.Error(), "stays as it was: terminated by SIGTERM") {
		t.Errorf("err = %v", err)
	}
	if diff := cmp.Diff([]string{"101.conf"}, files(t, filepath.Dir(path))); diff != "" || read(t, path) != before {
		t.Errorf("file %q, files (-want +got):\n%s", read(t, path), diff)
	}
}

// On the machine itself an ordinary /etc/pve is no place to write to.
func TestReplaceNeedsPmxcfs(t *testing.T) {
	t.Parallel()
	h, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if h.OnPmxcfs() {
		t.Skip("this machine is a Proxmox node")
	}
	err = h.Replace(t.Context(), pve.Container, 999999999, nil, []byte(after))
	if err == nil || !strings.Contains(err.Error(), "not mounted") {
		t.Errorf("err = %v", err)
	}
}

// mountConfigs puts a small file system over the directory of the guests' configs.
func mountConfigs(t *testing.T, options string) (*Host, string) {
	t.Helper()
	lab.Require(t)
	h, path := tree(t, "101", before)
	dir := filepath.Dir(path)
	if err := unix.Mount("node-test", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	write(t, path, before)
	return h, path
}

func TestReplaceFullDisk(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{"no block": "size=8k", "no inode": "nr_inodes=3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, path := mountConfigs(t, options)
			// Fill what is left; one inode is the directory's, one the config's.
			write(t, filepath.Join(filepath.Dir(path), "filler"), "filler")
			err := h.Replace(t.Context(), pve.Container, 101, []byte(before), []byte(after+strings.Repeat("#\n", 5000)))
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
				t.Errorf("err = %v", err)
			}
			if diff := cmp.Diff([]string{"101.conf", "filler"}, files(t, filepath.Dir(path))); diff != "" || read(t, path) != before {
				t.Errorf("file %q, files (-want +got):\n%s", read(t, path), diff)
			}
		})
	}
}

func TestReplaceReadOnly(t *testing.T) {
	t.Parallel()
	h, path := mountConfigs(t, "")
	if err := unix.Mount("", filepath.Dir(path), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	err := h.Replace(t.Context(), pve.Container, 101, []byte(before), []byte(after))
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "read-only") || read(t, path) != before {
		t.Errorf("err = %v, file %q", err, read(t, path))
	}
}

// A writer that does not take the lock: at every moment the file is whole,
// and what Replace says is true.
func TestReplaceAgainstAnotherWriter(t *testing.T) {
	t.Parallel()
	h, path := tree(t, "101", before)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			tmp := path + ".tmp.1"
			if os.WriteFile(tmp, []byte("theirs: 1\n"), 0o640) == nil {
				_ = os.Rename(tmp, path)
			}
		}
	}()
	whole := map[string]bool{before: true, after: true, "theirs: 1\n": true}
	for range 200 {
		old, err := h.ReadGuest(pve.Container, 101)
		if err != nil || !whole[string(old)] {
			t.Fatalf("read %q, %v", old, err)
		}
		err = h.Replace(t.Context(), pve.Container, 101, old, []byte(after))
		if err != nil && !errors.Is(err, ErrChanged) {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
}
