package ledger

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Many processes at once, on a ledger that none of them finds: each change of
// each is stored.
func TestProcessesAtOnce(t *testing.T) {
	t.Parallel()
	const processes, updates = 50, 3
	l, dir := inDir(t)
	start := time.Now()
	var out [processes]bytes.Buffer
	var cmds [processes]*exec.Cmd
	for i := range cmds {
		c := child{Dir: dir, ID: i, Updates: updates, Patience: time.Minute}
		cmds[i] = c.command(t)
		cmds[i].Stdout, cmds[i].Stderr = &out[i], &out[i]
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil || strings.Contains(out[i].String(), failed) {
			t.Errorf("process %d: %v: %s", i, err, &out[i])
		}
	}
	t.Logf("%d processes, %d updates each: %v", processes, updates, time.Since(start))
	got := view(t, l)
	if n := got.Len(); n != processes*updates || got.Generation != 1+processes*updates {
		t.Errorf("%d of %d changes, generation %d", n, processes*updates, got.Generation)
	}
	if names := entries(t, filepath.Dir(dir)); !slices.Equal(names, []string{"pve-iplease", "pve-iplease/ledger", "pve-iplease/lock"}) {
		t.Errorf("left in the directory: %q", names)
	}
}

// entries lists everything below a directory.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); rel != "." {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFilesArePrivateAndLeftoversGo(t *testing.T) {
	t.Parallel()
	l, dir := inDir(t)
	update(t, l, touch(101))
	left := []string{
		filepath.Join(dir, ".ledger123"),
		filepath.Join(filepath.Dir(dir), ".pve-iplease.new-1", "ledger"),
	}
	for _, path := range left {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, "half")
	}
	update(t, l, touch(102))
	for _, name := range entries(t, filepath.Dir(dir)) {
		if strings.HasPrefix(filepath.Base(name), ".") {
			t.Errorf("%s was left", name)
		}
	}
	for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, "ledger"): 0o600, filepath.Join(dir, "lock"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestADirectoryWithoutALedgerIsDamage(t *testing.T) {
	t.Parallel()
	l, dir := inDir(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := l.View(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the file is missing; run 'pve-iplease repair'") {
		t.Errorf("view: %v", err)
	}
	if err := l.Update(t.Context(), touch(101)); err == nil {
		t.Error("update: no error")
	}
	if got := entries(t, dir); !slices.Equal(got, []string{"lock"}) {
		t.Errorf("in the directory: %q", got)
	}
}
