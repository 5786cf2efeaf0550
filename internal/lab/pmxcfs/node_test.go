package pmxcfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFilesAreSharedAndNeverShrinkByWriting(t *testing.T) {
	t.Parallel()
	_, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/storage.cfg", "hello")
	put(t, dir[0]+"/storage.cfg", "J")
	if got := get(t, dir[1]+"/storage.cfg"); got != "Jello" {
		t.Errorf("on the other node: %q", got)
	}
	if err := os.Truncate(dir[1]+"/storage.cfg", 2); err != nil {
		t.Fatal(err)
	}
	if got := get(t, dir[0]+"/storage.cfg"); got != "Je" {
		t.Errorf("truncated on the other node: %q", got)
	}
	check(t, "1 MiB and a byte", os.WriteFile(dir[0]+"/big", make([]byte, 1<<20+1), 0o600), syscall.EFBIG)
	check(t, "1 MiB", os.WriteFile(dir[0]+"/big", make([]byte, 1<<20), 0o600), nil)
}

func TestModes(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2", "pve3")
	put(t, dir[0]+"/a", "")
	put(t, dir[0]+"/priv/b", "")
	check(t, "chmod 640", os.Chmod(dir[0]+"/a", 0o640), nil)
	check(t, "chmod 600", os.Chmod(dir[0]+"/a", 0o600), syscall.EPERM)
	check(t, "chmod 600 below priv", os.Chmod(dir[0]+"/priv/b", 0o600), nil)
	check(t, "chmod 640 below priv", os.Chmod(dir[0]+"/priv/b", 0o640), syscall.EPERM)
	check(t, "chown", os.Chown(dir[0]+"/a", 1, -1), syscall.EPERM)
	check(t, "chown to root", os.Chown(dir[0]+"/a", 0, wwwData), nil)
	check(t, "symlink", os.Symlink("a", dir[0]+"/c"), syscall.ENOSYS)
	if os.Link(dir[0]+"/a", dir[0]+"/c") == nil { // EPERM or ENOSYS, as the kernel likes
		t.Error("link: no error")
	}
	check(t, "setxattr", unix.Setxattr(dir[0]+"/a", "user.x", []byte("y"), 0), syscall.EOPNOTSUPP)
	_, err := os.OpenFile(dir[0], os.O_RDWR|unix.O_TMPFILE, 0o600)
	check(t, "O_TMPFILE", err, syscall.EOPNOTSUPP)
	for path, want := range map[string]fs.FileMode{
		"": fs.ModeDir | 0o755, "a": 0o640, "priv": fs.ModeDir | 0o700, "priv/b": 0o600, "local": fs.ModeSymlink | 0o755,
		".vmlist": 0o440, "nodes/pve1/lxc": fs.ModeDir | 0o755, "nodes/pve1/priv": fs.ModeDir | 0o700,
	} {
		if info, err := os.Lstat(filepath.Join(dir[0], path)); err != nil || info.Mode() != want {
			t.Errorf("/%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	c.Partition(c.Node("pve1"))
	time.Sleep(1100 * time.Millisecond) // the kernel believes attributes for a second
	if info, err := os.Lstat(dir[0] + "/local"); err != nil || info.Mode()&0o200 != 0 {
		t.Errorf("without quorum: %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(dir[1] + "/local"); err != nil || info.Mode()&0o200 == 0 {
		t.Errorf("with quorum: %v, %v", info.Mode(), err)
	}
}

func TestLinksAndGeneratedFiles(t *testing.T) {
	t.Parallel()
	_, dir := mounted(t, "pve1", "pve2")
	if target, err := os.Readlink(dir[1] + "/local"); target != "nodes/pve2" || err != nil {
		t.Errorf("local is %q, %v", target, err)
	}
	put(t, dir[1]+"/lxc/101.conf", "arch: amd64\n")
	if got := get(t, dir[0]+"/nodes/pve2/lxc/101.conf"); got != "arch: amd64\n" {
		t.Errorf("through the link: %q", got)
	}
	if got := get(t, dir[0]+"/.vmlist"); !strings.Contains(got, `"101": { "node": "pve2", "type": "lxc", "version": 2 }`) {
		t.Errorf(".vmlist: %s", got)
	}
	if got := get(t, dir[0]+"/.members"); !strings.Contains(got, `"name": "prod"`) || !strings.Contains(got, `"pve2": { "id": 2, "online": 1`) {
		t.Errorf(".members: %s", got)
	}
	if got := get(t, dir[0]+"/.version"); !strings.Contains(got, `"storage.cfg": 1,`) || !strings.Contains(got, `"starttime": `) {
		t.Errorf(".version: %s", got)
	}
	err := os.WriteFile(dir[0]+"/qemu-server/101.conf", nil, 0o640)
	check(t, "the same VMID elsewhere", err, syscall.EEXIST)
	check(t, "migration", os.Rename(dir[0]+"/nodes/pve2/lxc/101.conf", dir[0]+"/lxc/101.conf"), nil)
	if got := get(t, dir[1]+"/.vmlist"); !strings.Contains(got, `"101": { "node": "pve1"`) {
		t.Errorf(".vmlist after the migration: %s", got)
	}
}

func TestRenameOverAnOpenFileTakesTwoSteps(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "old")
	put(t, dir[0]+"/a.tmp", "new")
	between := make(chan error, 2)
	c.Intercept(func(o Op) Fault {
		if o.Call == "rename" && o.Path == "a.tmp" {
			_, err := os.ReadFile(dir[1] + "/a")
			between <- err
		}
		return Fault{}
	})
	// The kernel tells of a close when it likes: at some time the file counts
	// as closed, and is then there all the while.
	meanwhile := fs.ErrNotExist
	for range 200 {
		check(t, "rename over a closed file", os.Rename(dir[0]+"/a.tmp", dir[0]+"/a"), nil)
		if meanwhile = <-between; meanwhile == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
		put(t, dir[0]+"/a.tmp", "new")
	}
	check(t, "the file meanwhile", meanwhile, nil)
	put(t, dir[0]+"/a.tmp", "newer")
	f, err := os.Open(dir[0] + "/a")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "rename over an open file", os.Rename(dir[0]+"/a.tmp", dir[0]+"/a"), nil)
	check(t, "the file meanwhile", <-between, fs.ErrNotExist)
	data := make([]byte, 10)
	if n, _ := f.ReadAt(data, 0); string(data[:n]) != "new" {
		t.Errorf("the open file reads %q", data[:n])
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c.Intercept(nil)
	for range 100 { // the kernel releases the file a little later
		entries, err := os.ReadDir(dir[1])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(names(entries), hiddenPrefix) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the hidden file stays")
}

func TestFlockIsLocalToANode(t *testing.T) {
	t.Parallel()
	_, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "")
	lock := func(dir string) error {
		f, err := os.Open(dir + "/a")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	check(t, "first", lock(dir[0]), nil)
	check(t, "again", lock(dir[0]), syscall.EWOULDBLOCK)
	check(t, "on the other node", lock(dir[1]), nil)
}
