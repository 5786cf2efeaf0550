package node

import (
	"os"
	"path/filepath"
	"testing"
)

// tree makes a scratch host with one container and its Host.
func tree(t testing.TB, id, config string) (*Host, string) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "etc/pve/nodes/pve1/lxc")
	for _, d := range []string{dir, filepath.Join(root, "etc/pve/nodes/pve1/qemu-server"), filepath.Join(root, "run/lock/lxc")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nodes/pve1", filepath.Join(root, "etc/pve/local")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, id+".conf")
	write(t, path, config)
	h, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return h, path
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// files lists a directory.
func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
