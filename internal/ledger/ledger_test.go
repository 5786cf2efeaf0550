package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

var errChild = errors.New("no")

// touch makes a change that can be counted: it raises a lease's generation.
func touch(owner pve.VMID) func(*lease.Table) error {
	return func(t *lease.Table) error {
		m, before := pve.MAC{2, 0, 0, 0, byte(owner >> 8), byte(owner)}, t.Nodes["pve1"].Probers
		t.Known("pve1", "version", m)
		if !slices.Contains(before, m) { // all are kept, to be counted
			t.Nodes["pve1"] = lease.NodeInfo{Version: "version", Probers: append(slices.Clone(before), m)}
		}
		return nil
	}
}

// inDir opens a ledger in the plain form below a new directory.
func inDir(t *testing.T) (l *Ledger, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "priv", "pve-iplease")
	l, err := Open(Options{Dir: dir, PVE: "/nowhere", Scratch: true, Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

// both runs a test on a ledger in memory and on one in a directory.
func both(t *testing.T, test func(*testing.T, *Ledger)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, New(NewMemory(), "prod"))
	})
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		l, _ := inDir(t)
		test(t, l)
	})
}

func view(t *testing.T, l *Ledger) *lease.Table {
	t.Helper()
	table, err := l.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// update makes a change that must go well. A lock that nobody gives back would
// be waited for until the tests' own deadline.
func update(t *testing.T, l *Ledger, f func(*lease.Table) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := l.Update(ctx, f); err != nil {
		t.Fatal(err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, l *Ledger) {
		if empty := view(t, l); empty.Generation != 0 || empty.Len() != 0 || empty.Cluster != "prod" {
			t.Errorf("before first use: %+v", empty)
		}
		update(t, l, touch(101))
		first := view(t, l).Generation
		update(t, l, touch(101)) // changes nothing any more
		if err := l.Update(t.Context(), func(table *lease.Table) error {
			table.Known("pve1", "other", pve.MAC{})
			return errChild
		}); err != errChild {
			t.Errorf("the function's error came back as %v", err)
		}
		if got := view(t, l); got.Generation != first || got.Nodes["pve1"].Version != "version" {
			t.Errorf("no change and an aborted one: generation %d, %+v", got.Generation, got.Nodes)
		}
		update(t, l, touch(102))
		if got := view(t, l); got.Generation != first+1 || len(got.Nodes["pve1"].Probers) != 2 {
			t.Errorf("second change: generation %d, %+v", got.Generation, got.Nodes)
		}
	})
}

func TestUpdateStopsWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, l *Ledger) {
		update(t, l, touch(101))
		ctx, cancel := context.WithCancel(t.Context())
		err := l.Update(ctx, func(table *lease.Table) error {
			cancel()
			return touch(102)(table)
		})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the ledger is unchanged") {
			t.Errorf("cancelled before the write: %v", err)
		}
		if got := view(t, l); len(got.Nodes["pve1"].Probers) != 1 {
			t.Errorf("it was written: %+v", got.Nodes)
		}
	})
}

func TestUpdateWaitsForTheLock(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, l *Ledger) {
		update(t, l, func(*lease.Table) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			err := l.Update(ctx, touch(101))
			if !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("while locked: %v", err)
			}
			return nil
		})
		update(t, l, touch(101)) // also after a wait was given up
	})
}

// A function that panics must not leave the lock behind.
func TestUpdateUnlocksAfterAPanic(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, l *Ledger) {
		func() {
			defer func() { _ = recover() }()
			_ = l.Update(t.Context(), func(*lease.Table) error { panic("x") })
		}()
		update(t, l, touch(101))
	})
}

func TestForeignLedger(t *testing.T) {
	t.Parallel()
	_, dir := inDir(t)
	open := func(cluster string) *Ledger {
		l, err := Open(Options{Dir: dir, Scratch: true, Cluster: cluster})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	update(t, open(""), touch(101))
	update(t, open("prod"), touch(102)) // the host founded a cluster
	for _, other := range []string{"test", ""} {
		if _, err := open(other).View(t.Context()); !errors.Is(err, ErrForeign) {
			t.Errorf("view in cluster %q: %v", other, err)
		}
		if err := open(other).Update(t.Context(), touch(103)); !errors.Is(err, ErrForeign) {
			t.Errorf("update in cluster %q: %v", other, err)
		}
	}
	if got := view(t, open("prod")); len(got.Nodes["pve1"].Probers) != 2 {
		t.Errorf("afterwards: %+v", got.Nodes)
	}
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
