package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/pve"
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
		"bad disk":        {Errno: syscall.EIO},
		"bad disk, done":  {Errno: syscall.EIO, Applied: true},
		"full":            {Errno: syscall.ENOSPC},
		"full, half done": {Errno: syscall.ENOSPC, Applied: true, Short: 100},
		"read-only":       {Errno: syscall.EROFS},
		"forbidden":       {Errno: syscall.EACCES},
		"busy":            {Errno: syscall.EBUSY},
		"busy, done":      {Errno: syscall.EBUSY, Applied: true},
		"gone":            {Errno: syscall.ENOTCONN},
		"gone, done":      {Errno: syscall.ENOTCONN, Applied: true},
		"short":           {Short: 100},
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
	l, id := openFile(t, dir), pve.VMID(10*f.n)
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
