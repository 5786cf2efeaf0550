package ledger

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/lease"
)

func TestNoQuorum(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2", "pve3")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	c.Stall(50 * time.Millisecond)
	c.Partition(c.Node("pve1"))
	err := l.Update(t.Context(), touch(2))
	if !errors.Is(err, ErrNoQuorum) || !strings.Contains(err.Error(), "the ledger is unchanged") {
		t.Errorf("without quorum: %v", err)
	}
	if got := view(t, l); got.Generation != 2 {
		t.Errorf("reading without quorum: generation %d", got.Generation)
	}
	update(t, host[1].ledger(t), touch(3))
	c.Heal()
	update(t, l, touch(4))
	if got := view(t, l); len(got.Nodes["pve1"].Probers) != 3 {
		t.Errorf("healed: %+v", got.Nodes)
	}
}

// The quorum is lost while the lock is held: the old state stays.
func TestQuorumLostBeforeTheWrite(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2", "pve3")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	err := l.Update(t.Context(), func(table *lease.Table) error {
		c.Partition(c.Node("pve1"))
		return touch(2)(table)
	})
	if !errors.Is(err, ErrNoQuorum) || !strings.Contains(err.Error(), "the ledger is unchanged") {
		t.Errorf("%v", err)
	}
	if len(host[0].notes) != 1 || !strings.Contains(host[0].notes[0], "stays") {
		t.Errorf("notes: %q", host[0].notes)
	}
	if err := l.Update(t.Context(), touch(2)); !errors.Is(err, ErrNoQuorum) {
		t.Errorf("again: %v", err)
	}
	c.Heal()
	l.store.(*slots).limits.ask = time.Hour
	update(t, l, touch(3)) // takes over the lock directory that stayed
	if got := view(t, l); len(got.Nodes["pve1"].Probers) != 2 {
		t.Errorf("healed: %+v", got.Nodes)
	}
}

func TestUnmounted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	o := Options{Dir: root + "/etc/pve/priv/pve-iplease", PVE: root + "/etc/pve", Run: root + "/run"}
	for _, scratch := range []bool{false, true} {
		o.Scratch = scratch
		if err := os.MkdirAll(o.PVE, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); !errors.Is(err, ErrUnmounted) {
			t.Errorf("an empty directory, scratch %v: %v", scratch, err)
		}
		if err := os.MkdirAll(o.PVE+"/nodes", 0o755); err != nil {
			t.Fatal(err)
		}
		l, err := Open(o)
		if scratch != (err == nil) || !scratch && !errors.Is(err, ErrUnmounted) {
			t.Errorf("a directory, scratch %v: %v", scratch, err)
		}
		if err == nil {
			update(t, l, touch(1))
		}
		if err := os.RemoveAll(o.PVE); err != nil {
			t.Fatal(err)
		}
	}
}

// pmxcfs goes away for a moment, or for good.
func TestRestartOfPmxcfs(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	h, l := host[0], host[0].ledger(t)
	update(t, l, touch(1))
	if err := h.Crash(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := l.View(ctx); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("view after a crash: %v", err)
	}
	if err := l.Update(impatient(t), touch(2)); err == nil || !strings.Contains(err.Error(), "the ledger is unchanged") {
		t.Errorf("update after a crash: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { update(t, l, touch(3)) })
	time.Sleep(50 * time.Millisecond)
	if err := h.Restart(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if got := view(t, l); got.Generation != 3 {
		t.Errorf("generation %d", got.Generation)
	}
}
