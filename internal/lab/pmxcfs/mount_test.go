package pmxcfs

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"pve-iplease/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// mounted makes a cluster and mounts its nodes; dirs are their /etc/pve.
func mounted(t *testing.T, names ...string) (c *Cluster, dirs []string) {
	t.Helper()
	lab.RequireFUSE(t)
	c = New("prod", names...)
	for _, n := range c.Nodes() {
		dir := t.TempDir()
		if err := n.Mount(dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Unmount(); err != nil {
				t.Error(err)
			}
		})
		dirs = append(dirs, dir)
	}
	return c, dirs
}

func check(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func put(t *testing.T, path, data string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(data), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func names(entries []fs.DirEntry) (all string) {
	for _, e := range entries {
		all += e.Name() + " "
	}
	return all
}
