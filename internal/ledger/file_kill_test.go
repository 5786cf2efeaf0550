package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/pve"
)

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
	update(t, l, touch(pve.VMID(n)))
	if after := view(t, l); after.Len() != got.Len() || !holds(after, pve.VMID(n)) {
		t.Errorf("killed in %s of %s: later %d leases", o.Call, o.Path, after.Len())
	}
	if left := entries(t, filepath.Dir(dir)); !slices.Equal(left, []string{"pve-iplease", "pve-iplease/ledger", "pve-iplease/lock"}) {
		t.Errorf("killed in %s of %s: left %q", o.Call, o.Path, left)
	}
	return false
}
