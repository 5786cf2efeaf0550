package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
)

// A ledger of any length is read whole, a short one by one request, and a
// request that fails is never taken for the end.
func TestReadOfAnyLength(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1")
	m, err := openMount(host[0].path("etc/pve"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	for _, size := range []int{0, 1, piece - 1, piece, piece + 1, 2 * piece, 5*piece + 7, maxFile} {
		name := fmt.Sprintf("priv/%d", size)
		want := bytes.Repeat([]byte("0123456789\n"), size/11+1)[:size]
		if err := put(m, name, want); err != nil {
			t.Fatal(err)
		}
		reads := nth{only: func(o pmxcfs.Op) bool { return o.Call == "read" }}
		c.Intercept(reads.intercept)
		if got, err := m.read(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d read, %v", size, len(got), err)
		}
		if n := reads.calls.Load(); size < piece && n != 1 {
			t.Errorf("%d bytes: %d requests", size, n)
		}
		c.Intercept((&nth{n: reads.calls.Load(), fault: pmxcfs.Fault{Errno: syscall.EIO}, only: reads.only}).intercept)
		if got, err := m.read(name); err == nil && len(got) < size {
			t.Errorf("%d bytes, a failure at the end: %d read", size, len(got))
		}
		c.Intercept(nil)
	}
}

// What an update and a view ask of pmxcfs, besides looking names up: each
// costs every guest that waits for the lock.
func TestRequests(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	asked := func(f func()) []string {
		var mu sync.Mutex
		var calls []string
		c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
			mu.Lock()
			defer mu.Unlock()
			if o.Call != "lookup" {
				calls = append(calls, o.Call)
			}
			return pmxcfs.Fault{}
		})
		f()
		c.Intercept(nil)
		mu.Lock()
		defer mu.Unlock()
		return calls
	}
	reading := []string{"open", "read", "open", "read"}
	want := slices.Concat([]string{"mkdir"}, reading, reading, []string{"write", "rmdir"})
	if got := asked(func() { update(t, l, touch(2)) }); !slices.Equal(got, want) {
		t.Errorf("an update asked for %q", got)
	}
	if got := asked(func() { view(t, l) }); !slices.Equal(got, reading) {
		t.Errorf("a view asked for %q", got)
	}
}

// A slot that is removed on this node after it was written under this lock is
// missing, although the node's pmxcfs keeps what is open under another name.
func TestRemovedAfterTheFirstWrite(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	err := l.Update(t.Context(), func(table *lease.Table) error {
		if err := os.Remove(host[0].slot(0)); err != nil {
			t.Error(err)
		}
		return touch(1)(table)
	})
	if !errors.Is(err, ErrLocked) {
		t.Errorf("%v", err)
	}
}

// A lock that was made although making it was interrupted is this node's.
func TestInterruptedLock(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	l.store.(*slots).limits.ask = 1 << 62
	once := &nth{n: 1, fault: pmxcfs.Fault{Errno: syscall.EINTR, Applied: true}, only: func(o pmxcfs.Op) bool { return o.Call == "mkdir" }}
	c.Intercept(once.intercept)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := l.Update(ctx, touch(1)); err != nil {
		t.Error(err)
	}
}
