package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/lease"
)

func TestRebuild(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(*testing.T, string){
		"garbage": func(t *testing.T, path string) { write(t, path, "garbage") },
		"empty":   func(t *testing.T, path string) { write(t, path, "") },
		"missing": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"longer":  func(t *testing.T, path string) { write(t, path, read(t, path)+"\n") },
		"shorter": func(t *testing.T, path string) { write(t, path, strings.TrimSuffix(read(t, path), "}\n")) },
	}
	for name, spoil := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, dir := inDir(t)
			update(t, l, touch(101))
			path := filepath.Join(dir, "ledger")
			spoil(t, path)
			was, _ := os.ReadFile(path)
			if _, err := l.View(t.Context()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("view: %v", err)
			}
			if err := l.Update(t.Context(), touch(102)); !errors.Is(err, ErrDamaged) {
				t.Errorf("update: %v", err)
			}
			rebuilt := lease.NewTable()
			rebuilt.Add(typical(7))
			again := func() (*lease.Table, error) { return rebuilt, nil }
			if kept, err := l.Rebuild(t.Context(), noon, again); err != nil || (kept == 1) != (len(was) > 0) {
				t.Fatalf("%d kept: %v", kept, err)
			}
			if got := view(t, l); got.Len() != 1 || got.Generation < 1 {
				t.Errorf("rebuilt: %d leases, generation %d", got.Len(), got.Generation)
			}
			if kept, err := os.ReadFile(path + ".bad-20251121T120000Z"); string(kept) != string(was) || (err != nil) != (name == "missing") {
				t.Errorf("the copy holds %q, %v; want %q", kept, err, was)
			}
			_, err := l.Rebuild(t.Context(), noon, func() (*lease.Table, error) {
				t.Error("a good ledger was rebuilt")
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRebuildLeavesANewerLedgerAlone(t *testing.T) {
	t.Parallel()
	l, dir := inDir(t)
	update(t, l, touch(101))
	newer := string(seal(t, `{"format":2,"sha256":"%s","bytes":%d}`, ""))
	write(t, filepath.Join(dir, "ledger"), newer)
	_, err := l.Rebuild(t.Context(), noon, func() (*lease.Table, error) { return lease.NewTable(), nil })
	if !errors.Is(err, ErrNewer) {
		t.Errorf("rebuild: %v", err)
	}
	if err := l.Update(t.Context(), touch(102)); !errors.Is(err, ErrNewer) {
		t.Errorf("update: %v", err)
	}
	if got := read(t, filepath.Join(dir, "ledger")); got != newer {
		t.Errorf("it was written to: %s", got)
	}
}
