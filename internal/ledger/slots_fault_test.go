package ledger

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// nth makes the call number n, counted from 1, go wrong; calls counts them.
type nth struct {
	n     int64
	fault pmxcfs.Fault
	only  func(pmxcfs.Op) bool
	calls atomic.Int64
	hit   atomic.Pointer[pmxcfs.Op]
}

func (f *nth) intercept(o pmxcfs.Op) pmxcfs.Fault {
	if f.only != nil && !f.only(o) {
		return pmxcfs.Fault{}
	}
	if f.calls.Add(1) != f.n {
		return pmxcfs.Fault{}
	}
	f.hit.Store(&o)
	return f.fault
}

// Each call that an update makes fails in turn, in every way that pmxcfs
// knows: afterwards the old or the new state is stored, the error says which,
// and the next update goes well at once.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	faults := map[string]pmxcfs.Fault{
		"no quorum":      {Errno: syscall.EACCES},
		"full":           {Errno: syscall.ENOSPC},
		"not done":       {Errno: syscall.EIO},
		"busy, not done": {Errno: syscall.EBUSY},
		"busy, done":     {Errno: syscall.EBUSY, Applied: true},
		"busy, later":    {Errno: syscall.EBUSY, Late: true},
		"denied, done":   {Errno: syscall.EPERM, Applied: true},
		"interrupted":    {Errno: syscall.EINTR, Applied: true},
		"gone":           {Errno: syscall.ENOTCONN},
		"gone, done":     {Errno: syscall.ECONNABORTED, Applied: true},
		"short":          {Short: 100},
	}
	for name, fault := range faults {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, first use %v", name, first), func(t *testing.T) {
				t.Parallel()
				c, host := hosts(t, "pve1", "pve2")
				done := false
				for n := int64(1); !done; n++ {
					if first {
						forget(t, host...)
					}
					done = failCall(t, c, host, &nth{n: n, fault: fault})
				}
			})
		}
	}
}

// forget makes hosts as they were before the first use. A file that the
// kernel has not closed yet is only hidden when it is removed, so that its
// directory goes a little later.
func forget(t *testing.T, hosts ...*host) {
	t.Helper()
	for _, h := range hosts {
		for _, dir := range []string{"etc/pve/priv/pve-iplease", "run/pve-iplease"} {
			err := os.RemoveAll(h.path(dir))
			for i := 0; err != nil && i < 100; i++ {
				time.Sleep(time.Millisecond)
				err = os.RemoveAll(h.path(dir))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// failCall makes one update with one fault; done tells that there were not so
// many calls.
func failCall(t *testing.T, c *pmxcfs.Cluster, host []*host, f *nth) (done bool) {
	t.Helper()
	l, other := host[0].ledger(t), host[1].ledger(t)
	before, id := view(t, l), pve.VMID(10*f.n)
	c.Intercept(f.intercept)
	err := l.Update(t.Context(), touch(id))
	c.Intercept(nil)
	o := f.hit.Load()
	if o == nil {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return true
	}
	what := fmt.Sprintf("%s of %s (call %d): %v", o.Call, o.Path, f.n, err)
	got := view(t, other)
	stored, was := holds(got, id), max(before.Generation, 1)
	switch {
	case err == nil && !stored:
		t.Errorf("%s: not stored", what)
	case err != nil && stored && !errors.Is(err, ErrUnknown):
		t.Errorf("%s: stored", what)
	case err != nil && !stored && !strings.Contains(err.Error(), "the ledger is unchanged"):
		t.Errorf("%s: the old state is stored", what)
	case !stored && got.Generation > was, stored && got.Generation > was+1:
		t.Errorf("%s: generation %d after %d", what, got.Generation, was)
	}
	update(t, l, touch(id+1))
	update(t, other, touch(id+2))
	if got := view(t, l); !holds(got, id+1) || !holds(got, id+2) || len(got.Nodes["pve1"].Probers) < len(before.Nodes["pve1"].Probers)+2 {
		t.Errorf("%s: later %+v", what, got.Nodes)
	}
	return false
}

// holds reports whether touch(id) is in a table.
func holds(table *lease.Table, id pve.VMID) bool {
	for _, m := range table.Nodes["pve1"].Probers {
		if m == (pve.MAC{2, 0, 0, 0, byte(id >> 8), byte(id)}) {
			return true
		}
	}
	return false
}

// An outcome that stays unknown is called so.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2", "pve3")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		if o.Call != "write" {
			return pmxcfs.Fault{}
		}
		return pmxcfs.Fault{Errno: syscall.EBUSY, Late: true, After: func() { c.Partition(c.Node("pve1")) }}
	})
	err := l.Update(t.Context(), touch(2))
	if !errors.Is(err, ErrUnknown) || strings.Contains(err.Error(), "unchanged") {
		t.Errorf("%v", err)
	}
	c.Intercept(nil)
	c.Heal()
	update(t, l, touch(3))
	if got := view(t, l); !holds(got, 1) || !holds(got, 3) {
		t.Errorf("healed: %+v", got.Nodes)
	}
}

// What was written during a stall of the cluster is stored when it is over.
func TestWritingDuringAStall(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2", "pve3")
	l := host[1].ledger(t)
	update(t, l, touch(1))
	c.Stall(300 * time.Millisecond)
	c.Partition(c.Node("pve1"))
	update(t, l, touch(2))
	if got := view(t, host[2].ledger(t)); !holds(got, 2) {
		t.Errorf("on the other node of the majority: %+v", got.Nodes)
	}
	if got := view(t, host[0].ledger(t)); holds(got, 2) {
		t.Errorf("on the minority: %+v", got.Nodes)
	}
}
