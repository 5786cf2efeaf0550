package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

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
				update(t, l, touch(pve.VMID(i)))
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
			_, err := l.Rebuild(t.Context(), noon, func() (*lease.Table, error) { return lease.NewTable(), nil })
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
				update(t, l, touch(pve.VMID(i)))
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
			return touch(pve.VMID(i + 1))(table)
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
			return touch(pve.VMID(n))(table)
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

// A ledger of which nothing is left is damaged on a node that has used it, and
// one that was never begun anywhere else. A node that came into a cluster has
// not used that one's.
func TestRemovedByHand(t *testing.T) {
	t.Parallel()
	forms := map[string]func(*testing.T) (Options, string){
		"pmxcfs": func(t *testing.T) (Options, string) {
			_, host := hosts(t, "pve1")
			return host[0].options(), host[0].path("used/ledgers")
		},
		"plain": func(t *testing.T) (Options, string) {
			root := t.TempDir()
			return Options{Dir: filepath.Join(root, "priv/pve-iplease"), PVE: "/nowhere", Scratch: true, Cluster: "prod"}, filepath.Join(root, "used/ledgers")
		},
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, used := form(t)
			stranger := o
			o.Used, stranger.Used = used, used+".other"
			open := func(o Options) *Ledger {
				l, err := Open(o)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			if got := view(t, open(o)); got.Generation != 0 {
				t.Errorf("before first use: %+v", got)
			}
			update(t, open(o), touch(1))
			update(t, open(o), touch(2))
			if n := strings.Count(read(t, used), "\n"); n != 1 {
				t.Errorf("remembered %d times: %q", n, read(t, used))
			}
			remove(t, o.Dir)
			if got := view(t, open(stranger)); got.Generation != 0 {
				t.Errorf("a node that never used it: %+v", got)
			}
			joined := o
			joined.Cluster = "other"
			if got := view(t, open(joined)); got.Generation != 0 {
				t.Errorf("another cluster's: %+v", got)
			}
			for range 2 { // whoever tries to write finds it as it is
				if _, err := open(o).View(t.Context()); !errors.Is(err, ErrDamaged) {
					t.Errorf("view: %v", err)
				}
				if err := open(o).Update(t.Context(), touch(3)); !errors.Is(err, ErrDamaged) {
					t.Errorf("update: %v", err)
				}
			}
			kept, err := open(o).Rebuild(t.Context(), noon, func() (*lease.Table, error) { return sample(3), nil })
			if err != nil || kept != 0 || view(t, open(o)).Len() != 3 {
				t.Errorf("rebuilt: %d kept, %v", kept, err)
			}
			update(t, open(o), touch(4))
		})
	}
}

// remove removes a directory. On FUSE a file that was closed a moment ago may be
// hidden in it still.
func remove(t *testing.T, dir string) {
	t.Helper()
	err := os.RemoveAll(dir)
	for range 200 {
		if err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
		err = os.RemoveAll(dir)
	}
	t.Fatal(err)
}
