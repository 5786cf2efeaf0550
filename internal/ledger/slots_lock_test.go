package ledger

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestLockOfAnotherNode(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	update(t, a, func(*lease.Table) error {
		err := b.Update(impatient(t), touch(1))
		if !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another node has kept the ledger's lock, "+host[1].lockDir()) {
			t.Errorf("while the other node has the lock: %v", err)
		}
		return nil
	})
	update(t, b, touch(1))
}

// A node that died with the lock: it is waited for, and expires when asked.
func TestLockOfADeadNode(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	update(t, host[0].ledger(t), touch(1))
	if err := os.Mkdir(host[0].lockDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	l := host[1].ledger(t)
	l.store.(*slots).limits.ask = 20 * time.Millisecond
	if err := l.Update(impatient(t), touch(2)); !errors.Is(err, ErrLocked) {
		t.Errorf("before it expired: %v", err)
	}
	c.Advance(121 * time.Second)
	update(t, l, touch(2))
}

// How long a dead node's lock lasts is for pmxcfs to say: it counts anew when the
// nodes find together again.
func TestLockOfADeadNodeOutlastsAResync(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2", "pve3")
	update(t, host[0].ledger(t), touch(1))
	if err := os.Mkdir(host[0].lockDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	l := host[1].ledger(t)
	l.store.(*slots).limits.ask = 20 * time.Millisecond
	for range 2 {
		if err := l.Update(impatient(t), touch(2)); !errors.Is(err, ErrLocked) {
			t.Errorf("before it expired: %v", err)
		}
		c.Advance(100 * time.Second)
		c.Partition(c.Node("pve3"))
		c.Heal()
	}
	if err := l.Update(impatient(t), touch(2)); !errors.Is(err, ErrLocked) {
		t.Errorf("before it expired: %v", err)
	}
	c.Advance(121 * time.Second)
	update(t, l, touch(2))
}

// A writer asks whether it goes on waiting, for the flock and for the lock
// directory, and can put its own deadline off.
func TestPatience(t *testing.T) {
	t.Parallel()
	tired := errors.New("tired")
	for name, keep := range map[string]func(*testing.T, *host){
		"another node": func(t *testing.T, h *host) {
			if err := os.Mkdir(h.lockDir(), 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"other processes of this node": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, host := hosts(t, "pve1", "pve2")
			l := host[1].ledger(t)
			update(t, l, touch(1))
			var waits []Wait
			ctx := WithPatience(impatient(t), Patience{Every: 10 * time.Millisecond, More: func(w Wait) error {
				if waits = append(waits, w); len(waits) == 3 {
					return tired
				}
				return nil
			}})
			try := func(*lease.Table) error {
				err := l.Update(ctx, touch(2))
				if !errors.Is(err, ErrLocked) || !errors.Is(err, tired) || !strings.Contains(err.Error(), "the ledger is unchanged") {
					t.Errorf("out of patience: %v", err)
				}
				return nil
			}
			if keep != nil {
				keep(t, host[0])
				_ = try(nil)
			} else {
				update(t, host[1].ledger(t), try)
			}
			for i, w := range waits {
				if !strings.Contains(w.Held, name) || w.For < time.Duration(i+1)*10*time.Millisecond {
					t.Errorf("wait %d: %+v", i, w)
				}
			}
			if len(waits) != 3 {
				t.Errorf("asked %d times", len(waits))
			}
		})
	}
}

// What a killed process left is cleared by whoever looks at the ledger next on
// its node, and by no other; and not while its lock is in use.
func TestRelieve(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	update(t, a, touch(1))
	left := func() bool {
		_, err := os.Lstat(host[0].lockDir())
		return err == nil
	}
	relieve := func(l *Ledger) {
		t.Helper()
		if err := l.Relieve(); err != nil {
			t.Error(err)
		}
	}
	update(t, a, func(*lease.Table) error {
		relieve(a)
		if !left() {
			t.Error("the lock was taken away from who has it")
		}
		return nil
	})
	if err := os.Mkdir(host[0].lockDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, host[0].path("run/pve-iplease/held-pve-iplease"), "")
	if age, ok := b.Held(t.Context()); !ok || age > time.Minute {
		t.Errorf("seen from another node: %v, %t", age, ok)
	}
	relieve(b)
	if !left() {
		t.Error("another node cleared the lock")
	}
	relieve(a)
	if _, held := b.Held(t.Context()); left() || held {
		t.Error("the lock is still there")
	}
	update(t, b, touch(2))
	// Another node has it by now: the marker alone goes.
	if err := os.Mkdir(host[1].lockDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, host[0].path("run/pve-iplease/held-pve-iplease"), "")
	relieve(a)
	if _, err := os.Lstat(host[0].path("run/pve-iplease/held-pve-iplease")); !left() || err == nil {
		t.Errorf("after another node took it: lock %t, marker %v", left(), err)
	}
}

// A process that was killed with the lock: the next one of its node takes it
// over at once, and one of another node doesn't.
func TestLockOfAKilledProcess(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	update(t, host[0].ledger(t), touch(1))
	if err := os.Mkdir(host[0].lockDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, host[0].path("run/pve-iplease/held-pve-iplease"), "")
	if err := os.MkdirAll(host[1].path("run/pve-iplease"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, host[1].path("run/pve-iplease/held-pve-iplease"), "")
	if err := host[1].ledger(t).Update(impatient(t), touch(2)); !errors.Is(err, ErrLocked) {
		t.Errorf("another node: %v", err)
	}
	update(t, host[0].ledger(t), touch(3))
	update(t, host[1].ledger(t), touch(4))
	if got := view(t, host[0].ledger(t)); len(got.Nodes["pve1"].Probers) != 3 {
		t.Errorf("%+v", got.Nodes)
	}
}

// The same after a reboot, which takes the marker away.
func TestLockOfAKilledProcessWithoutMarker(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	if err := os.Mkdir(host[0].lockDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	l := host[0].ledger(t)
	l.store.(*slots).limits.ask = 20 * time.Millisecond
	update(t, l, touch(1))
}

// A slow holder proves that the lock is still its own before it writes.
func TestSlowHolder(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		_, host := hosts(t, "pve1", "pve2")
		l := host[0].ledger(t)
		update(t, l, touch(1))
		var late atomic.Int64
		l.store.(*slots).clock = func() time.Duration { return sinceBoot() + time.Duration(late.Load()) }
		err := l.Update(t.Context(), func(table *lease.Table) error {
			late.Store(int64(30 * time.Second))
			if lost {
				if err := os.Remove(host[1].lockDir()); err != nil {
					t.Error(err)
				}
			}
			return touch(2)(table)
		})
		if lost != errors.Is(err, ErrLocked) || !lost && err != nil {
			t.Errorf("lost %v: %v", lost, err)
		}
	}
}

// A holder that stalls for too long doesn't write, and leaves the lock alone.
func TestStalledHolder(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	var late atomic.Int64
	s := a.store.(*slots)
	s.clock = func() time.Duration { return sinceBoot() + time.Duration(late.Load()) }
	b.store.(*slots).limits.ask = 20 * time.Millisecond
	err := a.Update(t.Context(), func(table *lease.Table) error {
		c.Advance(121 * time.Second)
		late.Store(int64(121 * time.Second))
		update(t, b, touch(2))
		return touch(1)(table)
	})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "held for 2m") {
		t.Errorf("%v", err)
	}
	update(t, a, touch(3))
	if got := view(t, a); got.Generation != 3 {
		t.Errorf("generation %d", got.Generation)
	}
}

// A holder that stalls for so long that the lock expired, and another node has
// made it anew, leaves it to that one: pmxcfs would let it remove it.
func TestLateUnlock(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	late, next := host[0].ledger(t).store.(*slots), host[1].ledger(t).store.(*slots)
	next.limits.ask = 20 * time.Millisecond
	a, err := late.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(121 * time.Second)
	late.clock = func() time.Duration { return sinceBoot() + 121*time.Second }
	b, err := next.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Unlock(); err == nil || !strings.Contains(err.Error(), "may be another node's by now") {
		t.Errorf("giving it back late: %v", err)
	}
	if _, err := os.Stat(host[0].lockDir()); err != nil {
		t.Errorf("the other node lost its lock: %v", err)
	}
	if err := b.Unlock(); err != nil {
		t.Error(err)
	}
}

// A whole node that was frozen has clocks that know nothing of it.
func TestFrozenHolder(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	b.store.(*slots).limits.ask = 20 * time.Millisecond
	err := a.Update(t.Context(), func(table *lease.Table) error {
		c.Advance(121 * time.Second)
		update(t, b, touch(2))
		return touch(1)(table)
	})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "wrote to it meanwhile") {
		t.Errorf("%v", err)
	}
	if got := view(t, a); got.Generation != 2 || len(got.Nodes["pve1"].Probers) != 1 {
		t.Errorf("generation %d, %+v", got.Generation, got.Nodes)
	}
}

// The directory that all locks are in is made when it is missing, and still
// only one gets the lock.
func TestNoDirectoryForLocks(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	if err := os.Remove(host[0].path("etc/pve/priv/lock")); err != nil {
		t.Fatal(err)
	}
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for i, h := range host {
		l := h.ledger(t)
		wg.Go(func() {
			update(t, l, func(table *lease.Table) error {
				most.Store(max(most.Load(), inside.Add(1)))
				defer inside.Add(-1)
				time.Sleep(5 * time.Millisecond)
				return touch(pve.VMID(i + 1))(table)
			})
		})
	}
	wg.Wait()
	if got := view(t, host[0].ledger(t)); got.Generation != 3 || most.Load() != 1 {
		t.Errorf("generation %d, %d at once", got.Generation, most.Load())
	}
}

// Nothing that may block begins when it could last longer than the caller has
// time.
func TestReserve(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	l.store.(*slots).reserve = time.Hour
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		if o.Change() {
			t.Errorf("%s %s", o.Call, o.Path)
		}
		return pmxcfs.Fault{}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := l.Update(ctx, touch(2))
	if !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no time to lock it") {
		t.Errorf("%v", err)
	}
	if _, err := l.View(ctx); err != nil {
		t.Errorf("reading: %v", err)
	}
}
