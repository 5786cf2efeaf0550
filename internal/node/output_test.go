package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

// somebody is a user who is not root.
const somebody = 65534

func TestWriteOutput(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", before)
	dir := h.Path("/var/out")
	path := filepath.Join(dir, "a.prom")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".a.prom123"), "of a killed run")
	for _, content := range []string{"one", "two"} {
		if err := h.WriteOutput(t.Context(), path, []byte(content)); err != nil || read(t, path) != content {
			t.Errorf("%v", err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode()&^0o644 != 0 {
			t.Errorf("mode %v, %v", info, err)
		}
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	given := os.Chown(path, somebody, somebody) == nil // root can, where there are others
	if err := h.WriteOutput(t.Context(), path, []byte("three")); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o604 || given && owner(info) != [2]uint32{somebody, somebody} {
		t.Errorf("the file is %v, %v", info, err)
	}
	if diff := cmp.Diff([]string{"a.prom"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	pipe := h.Path("/var/pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{dir, pipe, filepath.Join(dir, "none/a"), path + "/a"} {
		if err := h.WriteOutput(t.Context(), odd, []byte("x")); err == nil {
			t.Errorf("%s: no error", odd)
		}
	}
}

// Links that root made are followed; one that somebody else could have made is
// not, wherever it stands on the way, and what it leads to stays as it is.
func TestWriteOutputBehindLinks(t *testing.T) {
	t.Parallel()
	lab.RequireOwners(t)
	for name, c := range map[string]struct {
		mode  os.FileMode // of the directory with the link
		owner int
		link  int // its owner
		file  bool
		fail  bool
	}{
		"root's":                     {mode: 0o755},
		"root's, to a file":          {mode: 0o755, file: true},
		"somebody's":                 {mode: 0o755, owner: somebody, fail: true},
		"somebody's, to a file":      {mode: 0o755, owner: somebody, fail: true, file: true},
		"root's in somebody's":       {mode: 0o755, owner: somebody, fail: true},
		"open to a group":            {mode: 0o775, fail: true, file: true},
		"open to all":                {mode: 0o777, fail: true},
		"root's in one like /tmp":    {mode: 0o777 | os.ModeSticky, file: true},
		"somebody's in one like tmp": {mode: 0o777 | os.ModeSticky, link: somebody, fail: true, file: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := tree(t, "101", before)
			dir, real := h.Path("/srv/in"), h.Path("/srv/real")
			for _, err := range []error{os.MkdirAll(dir, 0o755), os.MkdirAll(real, 0o755), os.WriteFile(real+"/a", []byte("old"), 0o644)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			path, to := dir+"/link/a", "../real"
			if c.file {
				path, to = dir+"/link", real+"/a"
			}
			for _, err := range []error{os.Symlink(to, dir+"/link"), os.Lchown(dir+"/link", c.link, c.link), os.Chown(dir, c.owner, c.owner), os.Chmod(dir, c.mode)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			err := h.WriteOutput(t.Context(), path, []byte("new"))
			if now := read(t, real+"/a"); c.fail != (err != nil) || c.fail != (now == "old") || c.fail && !errors.Is(err, ErrUntrusted) {
				t.Errorf("%v; the file is %q", err, now)
			}
			if info, err := os.Lstat(dir + "/link"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("the link is %v, %v", info, err)
			}
		})
	}
}

// A way without an end ends.
func TestWriteOutputLoop(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", before)
	if err := os.Symlink("loop", h.Path("/loop")); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteOutput(t.Context(), h.Path("/loop"), nil); !errors.Is(err, unix.ELOOP) && !errors.Is(err, ErrUntrusted) {
		t.Error(err)
	}
}

func TestWriteOutputNeedsPmxcfs(t *testing.T) {
	t.Parallel()
	h, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if h.OnPmxcfs() {
		t.Skip("this machine is a Proxmox node")
	}
	if err := h.WriteOutput(t.Context(), "/etc/pve/x", nil); err == nil || !strings.Contains(err.Error(), "not mounted") && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
