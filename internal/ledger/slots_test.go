package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
)

// host is one node of a cluster under test.
type host struct {
	*pmxcfs.Node
	root string

	mu    sync.Mutex
	notes []string
}

// hosts makes a cluster, mounts it on every node, and shows it to the test.
func hosts(t testing.TB, names ...string) (*pmxcfs.Cluster, []*host) {
	t.Helper()
	lab.Require(t)
	c := pmxcfs.New("prod", names...)
	var all []*host
	for _, n := range c.Nodes() {
		h := &host{Node: n, root: t.TempDir()}
		for _, dir := range []string{"etc/pve", "run"} {
			if err := os.MkdirAll(filepath.Join(h.root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Mount(h.path("etc/pve")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Unmount(); err != nil {
				t.Error(err)
			}
		})
		all = append(all, h)
	}
	return c, all
}

func (h *host) path(path string) string { return filepath.Join(h.root, path) }

func (h *host) slot(i int) string {
	return h.path(fmt.Sprintf("etc/pve/priv/pve-iplease/ledger.%d", i))
}

func (h *host) lockDir() string { return h.path("etc/pve/priv/lock/pve-iplease") }

func (h *host) options() Options {
	return Options{
		Dir: h.path("etc/pve/priv/pve-iplease"), PVE: h.path("etc/pve"), Run: h.path("run/pve-iplease"),
		Scratch: true, Cluster: "prod", Reserve: time.Second, Note: h.note,
	}
}

func (h *host) note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, text)
}

// ledger opens the host's ledger, in the form for pmxcfs.
func (h *host) ledger(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(h.options())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.store.(*slots); !ok {
		t.Fatalf("the store is a %T", l.store)
	}
	return l
}

// impatient is a context that leaves little more than the reserve.
func impatient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 1300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestSlots(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	if got := view(t, a); got.Generation != 0 || got.Len() != 0 {
		t.Errorf("before first use: %+v", got)
	}
	want := []lease.MAC{}
	for i := range 6 {
		l := []*Ledger{a, b}[i%2]
		update(t, l, touch(lease.VMID(i)))
		want = append(want, lease.MAC{2, 0, 0, 0, 0, byte(i)})
		for _, l := range []*Ledger{a, b} {
			if got := view(t, l); got.Generation != uint64(i+2) || !slices.Equal(got.Nodes["pve1"].Probers, want) {
				t.Errorf("after change %d: generation %d, %v", i, got.Generation, got.Nodes)
			}
		}
	}
	for i := range 2 {
		if data := read(t, host[1].slot(i)); claimed([]byte(data)) != uint64(6+i) && claimed([]byte(data)) != uint64(7-i) {
			t.Errorf("slot %d: %s", i, data)
		}
	}
	left := append(entries(t, host[0].path("etc/pve/priv")), entries(t, host[0].path("run/pve-iplease"))...)
	slices.Sort(left)
	if want := []string{"lock", "lock", "pve-iplease", "pve-iplease/ledger.0", "pve-iplease/ledger.1"}; !slices.Equal(left, want) {
		t.Errorf("files: %q", left)
	}
	if len(host[0].notes) > 0 {
		t.Errorf("notes: %q", host[0].notes)
	}
}

// A ledger that got shorter is followed by what was there before.
func TestSlotsThatGotShorter(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	grow := func(t *lease.Table) error {
		for i := range 50 {
			t.Known(fmt.Sprintf("pve%d", i), "1", lease.MAC{1})
		}
		return nil
	}
	update(t, l, grow)
	update(t, l, touch(1))
	err := l.Update(t.Context(), func(table *lease.Table) error {
		table.Nodes = map[string]lease.NodeInfo{}
		return touch(2)(table)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := view(t, l); len(got.Nodes) != 1 {
		t.Errorf("%d nodes", len(got.Nodes))
	}
}

// One bad slot is survived, whatever is wrong with it; two are damage.
func TestDamagedSlots(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(*testing.T, string){
		"empty":   func(t *testing.T, path string) { truncate(t, path, 0) },
		"short":   func(t *testing.T, path string) { truncate(t, path, int64(len(read(t, path))/2)) },
		"garbage": func(t *testing.T, path string) { overwrite(t, path, "garbage") },
		"torn":    func(t *testing.T, path string) { overwrite(t, path, read(t, path)[:200]+strings.Repeat("x", 100)) },
		"missing": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, spoil := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, host := hosts(t, "pve1")
			h, l := host[0], host[0].ledger(t)
			for i := range 3 {
				update(t, l, touch(lease.VMID(i)))
			}
			newest := 0
			if claimed([]byte(read(t, h.slot(1)))) > claimed([]byte(read(t, h.slot(0)))) {
				newest = 1
			}
			spoil(t, h.slot(1-newest))
			if got := view(t, l); got.Generation != 4 {
				t.Errorf("older slot spoilt: generation %d", got.Generation)
			}
			spoil(t, h.slot(newest))
			if _, err := l.View(t.Context()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "ledger.0") || !strings.Contains(err.Error(), "ledger.1") {
				t.Errorf("both spoilt: %v", err)
			}
			if err := l.Update(t.Context(), touch(9)); !errors.Is(err, ErrDamaged) {
				t.Errorf("update with both spoilt: %v", err)
			}
			err := l.Rebuild(t.Context(), noon, func() (*lease.Table, error) { return lease.NewTable(), nil })
			if err != nil {
				t.Fatal(err)
			}
			update(t, l, touch(7))
			if got := view(t, l); len(got.Nodes["pve1"].Probers) != 1 {
				t.Errorf("rebuilt: %+v", got.Nodes)
			}
			copies := slices.DeleteFunc(entries(t, h.path("etc/pve/priv/pve-iplease")), func(name string) bool { return !strings.Contains(name, ".bad-") })
			if want := map[string]int{"empty": 0, "missing": 0}[name]; len(copies) != 2 && len(copies) != want {
				t.Errorf("copies: %q", copies)
			}
		})
		t.Run(name+" newest", func(t *testing.T) {
			t.Parallel()
			_, host := hosts(t, "pve1")
			h, l := host[0], host[0].ledger(t)
			for i := range 3 {
				update(t, l, touch(lease.VMID(i)))
			}
			newest := 0
			if claimed([]byte(read(t, h.slot(1)))) > claimed([]byte(read(t, h.slot(0)))) {
				newest = 1
			}
			spoil(t, h.slot(newest))
			if got := view(t, l); got.Generation != 3 {
				t.Errorf("newest slot spoilt: generation %d", got.Generation)
			}
			update(t, l, touch(5))
			if got := view(t, l); got.Generation != 4 || len(got.Nodes["pve1"].Probers) != 3 {
				t.Errorf("updated: generation %d, %+v", got.Generation, got.Nodes)
			}
		})
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// overwrite writes over the beginning of a file, as the ledger does.
func overwrite(t *testing.T, path, data string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(data), 0); err != nil {
		t.Fatal(err)
	}
}

// Several nodes find no ledger at the same time.
func TestFirstUseOnSeveralNodes(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2", "pve3")
	var wg sync.WaitGroup
	for i, h := range host {
		l := h.ledger(t)
		for j := range 5 {
			wg.Go(func() {
				if err := l.Update(t.Context(), touch(lease.VMID(10*i+j))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := view(t, host[0].ledger(t)); got.Generation != 16 || len(got.Nodes["pve1"].Probers) != 15 {
		t.Errorf("generation %d, %d changes", got.Generation, len(got.Nodes["pve1"].Probers))
	}
}

// One write is one message as long as it fits.
func TestOneWrite(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	update(t, l, touch(2))
	var calls []pmxcfs.Op
	var mu sync.Mutex
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		mu.Lock()
		defer mu.Unlock()
		if o.Change() {
			o.PID = 0
			calls = append(calls, o)
		}
		return pmxcfs.Fault{}
	})
	update(t, l, func(table *lease.Table) error {
		for i := range 1000 {
			table.Add(typical(i))
		}
		return touch(3)(table)
	})
	mu.Lock()
	defer mu.Unlock()
	var did []string
	for _, o := range calls {
		did = append(did, fmt.Sprint(o.Call, " ", o.Path, " ", o.Offset))
	}
	want := []string{"mkdir priv/lock/pve-iplease 0", "write priv/pve-iplease/ledger.1 0", "rmdir priv/lock/pve-iplease 0"}
	if !slices.Equal(did, want) && !slices.Equal(did, []string{want[0], "write priv/pve-iplease/ledger.0 0", want[2]}) {
		t.Errorf("calls: %q", did)
	}
	if size := calls[1].Size; size < 100<<10 || size > 128<<10 {
		t.Errorf("%d bytes in one message", size)
	}
}

func TestInspectAndSalvage(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	h, l := host[0], host[0].ledger(t)
	if found, err := l.Inspect(t.Context()); found != nil || err != nil {
		t.Errorf("before first use: %v, %v", found, err)
	}
	for i := range 3 {
		update(t, l, func(table *lease.Table) error {
			one := typical(i)
			one.Gen = table.Generation + 1
			table.Add(one)
			return touch(lease.VMID(i + 1))(table)
		})
	}
	overwrite(t, h.slot(1), strings.Replace(read(t, h.slot(1)), "pve1", "pvex", 1))
	found, err := l.Inspect(t.Context())
	if err != nil || len(found) != 2 || found[0].Err != nil || found[0].Generation != 3 || found[0].Leases != 2 || found[0].Limit != 1<<20 ||
		!errors.Is(found[1].Err, ErrDamaged) || found[1].Name != h.slot(1) {
		t.Errorf("%+v, %v", found, err)
	}
	saved, err := l.Salvage(t.Context())
	if err != nil || len(saved) != 3 || saved[2].Addr != typical(2).Addr {
		t.Errorf("%+v, %v", saved, err)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	leases := func(n int) func(*lease.Table) error {
		return func(table *lease.Table) error {
			for i := table.Len(); i < n; i++ {
				table.Add(typical(i))
			}
			return touch(lease.VMID(n))(table)
		}
	}
	update(t, l, leases(5000))
	if len(host[0].notes) != 0 {
		t.Errorf("notes with 5000 leases: %q", host[0].notes)
	}
	update(t, l, leases(8000))
	if len(host[0].notes) != 1 || !strings.Contains(host[0].notes[0], "pve-iplease reclaim") {
		t.Errorf("notes with 8000 leases: %q", host[0].notes)
	}
	err := l.Update(t.Context(), leases(10000))
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "the ledger is unchanged") {
		t.Errorf("10000 leases: %v", err)
	}
	if got := view(t, l); got.Len() != 8000 {
		t.Errorf("%d leases", got.Len())
	}
}

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
	c.Heal()
	update(t, l, touch(3)) // takes over the lock directory that stayed
	if got := view(t, l); len(got.Nodes["pve1"].Probers) != 2 {
		t.Errorf("healed: %+v", got.Nodes)
	}
}

func TestLockOfAnotherNode(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	update(t, a, func(*lease.Table) error {
		err := b.Update(impatient(t), touch(1))
		if !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), host[1].lockDir()) {
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
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "held for 2m1s") {
		t.Errorf("%v", err)
	}
	update(t, a, touch(3))
	if got := view(t, a); got.Generation != 3 {
		t.Errorf("generation %d", got.Generation)
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

// What a first use leaves when it breaks off is no damage, what somebody
// removed is.
func TestUnfinishedFirstUse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files   []string // below priv; a name with a slash at its end is a directory
		damaged bool
	}{
		"nothing":                {nil, false},
		"begun":                  {[]string{"pve-iplease.new"}, false},
		"directory":              {[]string{"pve-iplease.new", "pve-iplease/"}, false},
		"empty slot":             {[]string{"pve-iplease.new", "pve-iplease/", "pve-iplease/ledger.0"}, false},
		"empty slot alone":       {[]string{"pve-iplease/", "pve-iplease/ledger.0"}, false},
		"empty directory":        {[]string{"pve-iplease/"}, true},
		"two empty slots":        {[]string{"pve-iplease/", "pve-iplease/ledger.0", "pve-iplease/ledger.1"}, true},
		"only the second slot":   {[]string{"pve-iplease/", "pve-iplease/ledger.1"}, true},
		"the same, though begun": {[]string{"pve-iplease.new", "pve-iplease/", "pve-iplease/ledger.1"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, host := hosts(t, "pve1")
			l := host[0].ledger(t)
			for _, name := range tt.files {
				path := host[0].path("etc/pve/priv/" + name)
				if strings.HasSuffix(name, "/") {
					if err := os.Mkdir(path, 0o700); err != nil {
						t.Fatal(err)
					}
					continue
				}
				write(t, path, "")
			}
			if got, err := l.View(t.Context()); tt.damaged != errors.Is(err, ErrDamaged) || !tt.damaged && (err != nil || got.Generation != 0) {
				t.Errorf("view: %v", err)
			}
			if err := l.Update(t.Context(), touch(1)); tt.damaged != errors.Is(err, ErrDamaged) || !tt.damaged && err != nil {
				t.Errorf("update: %v", err)
			}
			if _, err := os.Stat(host[0].path("etc/pve/priv/pve-iplease.new")); !errors.Is(err, fs.ErrNotExist) && !tt.damaged {
				t.Errorf("pve-iplease.new: %v", err)
			}
		})
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

// After a change, no file is half of what it was, and bytes stay their own.
func TestBytesAfterAWrite(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	want := mustEncode(t, view(t, l))
	if got := read(t, host[0].slot(1)); !bytes.HasPrefix([]byte(got), want) {
		t.Errorf("slot 1 holds\n%s\nnot\n%s", got, want)
	}
}
