package ledger

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/pve"
)

// A process is killed in each call that an update makes, before the call is
// done and after: the ledger is as before or as it should be, and the next
// process of that node gets the lock at once.
func TestKilledInEveryCall(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("first use %v, call done %v", first, applied), func(t *testing.T) {
				t.Parallel()
				c, host := hosts(t, "pve1", "pve2")
				done := false
				for n := int64(1); !done; n++ {
					if first {
						forget(t, host...)
					}
					done = killInCall(t, c, host, n, applied)
				}
			})
		}
	}
}

// killInCall starts a child and kills it in its call number n; done tells
// that it made not so many.
func killInCall(t *testing.T, c *pmxcfs.Cluster, host []*host, n int64, applied bool) (done bool) {
	t.Helper()
	l, other := host[0].ledger(t), host[1].ledger(t)
	before := view(t, l)
	f := &nth{n: n}
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		f.fault = pmxcfs.Fault{Errno: syscall.EIO, Applied: applied, After: func() { kill(o) }}
		return f.intercept(o)
	})
	said, err := host[0].child(int(n), 1).command(t).Output()
	c.Intercept(nil)
	o := f.hit.Load()
	if o == nil {
		if err != nil || strings.HasPrefix(string(said), failed) {
			t.Errorf("not killed: %v: %s", err, said)
		}
		return true
	}
	what := fmt.Sprintf("killed in %s of %s (%v)", o.Call, o.Path, err)
	got := view(t, other)
	if more := got.Len() - before.Len(); err == nil || more < 0 || more > 1 {
		t.Errorf("%s: %d leases after %d", what, got.Len(), before.Len())
	}
	start, id := time.Now(), pve.VMID(10*n)
	update(t, l, touch(id))
	t.Logf("%s: next update in %v", what, time.Since(start))
	update(t, other, touch(id+1))
	if after := view(t, l); !holds(after, id) || !holds(after, id+1) || after.Len() != got.Len() {
		t.Errorf("%s: later %d leases, %+v", what, after.Len(), after.Nodes)
	}
	return false
}

// kill ends the process that made a call; pmxcfs sees the thread's id.
func kill(o pmxcfs.Op) { _ = syscall.Kill(int(o.PID), syscall.SIGKILL) }

// child prepares a process on this host.
func (h *host) child(id, updates int) child {
	o := h.options()
	return child{Dir: o.Dir, PVE: o.PVE, Run: o.Run, Reserve: time.Second, ID: id, Updates: updates, Patience: time.Minute}
}
