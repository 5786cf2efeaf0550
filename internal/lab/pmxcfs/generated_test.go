package pmxcfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// anew has a generated file made again.
func anew(t *testing.T, path string) {
	t.Helper()
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC, unix.STATX_SIZE, &st); err != nil {
		t.Fatal(err)
	}
}

// TestGeneratedFilesAreMadeWhenAskedFor: for their attributes, not when they
// are read.
func TestGeneratedFilesAreMadeWhenAskedFor(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	list := dir[0] + "/.vmlist"
	anew(t, list)
	f, err := os.Open(list)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, 1000)
	read := func() string {
		n, _ := f.ReadAt(data, 0)
		return string(data[:n])
	}
	put(t, dir[1]+"/lxc/101.conf", "")
	if got := read(); strings.Contains(got, "101") {
		t.Errorf("made when read: %s", got)
	}
	anew(t, list)
	if got := read(); !strings.Contains(got, "101") {
		t.Errorf("not made anew: %s", got)
	}
	c.Node("pve1").Unlist(101, 1)
	anew(t, list)
	if got := read(); strings.Contains(got, "101") {
		t.Errorf("listed while it is moved: %s", got)
	}
	anew(t, list)
	if got := read(); !strings.Contains(got, "101") {
		t.Errorf("not listed again: %s", got)
	}
}

// TestNoChildKeepsTheConnection: a child that outlives the server would wait
// for its answers for ever.
func TestNoChildKeepsTheConnection(t *testing.T) {
	t.Parallel()
	mounted(t, "pve1")
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range fds {
		if target, err := os.Readlink(path); err != nil || target != "/dev/fuse" {
			continue
		}
		found++
		var fd int
		if _, err := fmt.Sscanf(filepath.Base(path), "%d", &fd); err != nil {
			t.Fatal(err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d of /dev/fuse is inherited", fd)
		}
	}
	if found == 0 {
		t.Error("no descriptor of /dev/fuse was found")
	}
}
