package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
)

// openFile opens a ledger in the plain form.
func openFile(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := Open(Options{Dir: dir, Scratch: true, Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Each call that an update makes on the disk fails in turn: afterwards the
// old or the new state is stored, the error says which, and nothing is left
// after the next update.
func TestEveryCallOnAFileFails(t *testing.T) {
	t.Parallel()
	faults := map[string]pmxcfs.Fault{
		"bad disk":       {Errno: syscall.EIO},
		"bad disk, done": {Errno: syscall.EIO, Applied: true},
		"full":           {Errno: syscall.ENOSPC},
		"read-only":      {Errno: syscall.EROFS},
		"forbidden":      {Errno: syscall.EACCES},
	}
	for name, fault := range faults {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, first use %v", name, first), func(t *testing.T) {
				t.Parallel()
				disk, parent := tap(t)
				dir := filepath.Join(parent, "pve-iplease")
				done := false
				for n := int64(1); !done; n++ {
					if first {
						if err := os.RemoveAll(dir); err != nil {
							t.Fatal(err)
						}
					}
					done = failFileCall(t, disk, dir, &nth{n: n, fault: fault})
				}
			})
		}
	}
}

// failFileCall makes one update with one fault; done tells that there were
// not so many calls.
func failFileCall(t *testing.T, disk *tapped, dir string, f *nth) (done bool) {
	t.Helper()
	l, id := openFile(t, dir), lease.VMID(10*f.n)
	before := view(t, l)
	disk.intercept(f.intercept)
	err := l.Update(t.Context(), touch(id))
	disk.intercept(nil)
	o := f.hit.Load()
	if o == nil {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return true
	}
	what := fmt.Sprintf("%s of %s (call %d): %v", o.Call, o.Path, f.n, err)
	got := view(t, l)
	stored := holds(got, id)
	switch {
	case err == nil && !stored:
		t.Errorf("%s: not stored", what)
	case err != nil && stored && !errors.Is(err, ErrUnknown):
		t.Errorf("%s: stored", what)
	case err != nil && !stored && !strings.Contains(err.Error(), "the ledger is unchanged"):
		t.Errorf("%s: the old state is stored", what)
	case err != nil && errors.Is(f.fault.Errno, syscall.ENOSPC) && o.Call != "unlink" && o.Call != "open" && !errors.Is(err, ErrFull):
		t.Errorf("%s: not ErrFull", what)
	}
	update(t, l, touch(id+1))
	if got := view(t, l); !holds(got, id+1) || len(got.Nodes["pve1"].Probers) < len(before.Nodes["pve1"].Probers)+1 {
		t.Errorf("%s: later %+v", what, got.Nodes)
	}
	if left := entries(t, filepath.Dir(dir)); !slices.Equal(left, []string{"pve-iplease", "pve-iplease/ledger", "pve-iplease/lock"}) {
		t.Errorf("%s: left %q", what, left)
	}
	return false
}

// The same with the process killed in each call.
func TestKilledInEveryCallOnAFile(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("first use %v, call done %v", first, applied), func(t *testing.T) {
				t.Parallel()
				disk, parent := tap(t)
				dir := filepath.Join(parent, "pve-iplease")
				done := false
				for n := int64(1); !done; n++ {
					if first {
						if err := os.RemoveAll(dir); err != nil {
							t.Fatal(err)
						}
					}
					done = killInFileCall(t, disk, dir, n, applied)
				}
			})
		}
	}
}

// killInFileCall starts a child and kills it in its call number n; done tells
// that it made not so many.
func killInFileCall(t *testing.T, disk *tapped, dir string, n int64, applied bool) (done bool) {
	t.Helper()
	l := openFile(t, dir)
	before := view(t, l)
	f := &nth{n: n}
	disk.intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		f.fault = pmxcfs.Fault{Errno: syscall.EIO, Applied: applied, After: func() { kill(o) }}
		return f.intercept(o)
	})
	said, err := child{Dir: dir, ID: int(n), Updates: 1, Patience: time.Minute}.command(t).Output()
	disk.intercept(nil)
	o := f.hit.Load()
	if o == nil {
		if err != nil || strings.HasPrefix(string(said), failed) {
			t.Errorf("not killed: %v: %s", err, said)
		}
		return true
	}
	got := view(t, l)
	if more := got.Len() - before.Len(); err == nil || more < 0 || more > 1 {
		t.Errorf("killed in %s of %s (%v): %d leases after %d", o.Call, o.Path, err, got.Len(), before.Len())
	}
	update(t, l, touch(lease.VMID(n)))
	if after := view(t, l); after.Len() != got.Len() || !holds(after, lease.VMID(n)) {
		t.Errorf("killed in %s of %s: later %d leases", o.Call, o.Path, after.Len())
	}
	if left := entries(t, filepath.Dir(dir)); !slices.Equal(left, []string{"pve-iplease", "pve-iplease/ledger", "pve-iplease/lock"}) {
		t.Errorf("killed in %s of %s: left %q", o.Call, o.Path, left)
	}
	return false
}

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
	update(t, l, touch(3))
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
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "the ledger is unchanged") {
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
