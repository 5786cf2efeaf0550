package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/pve"
)

// strict is a file system with the modes of pmxcfs (pmxcfs.c, cfs_fuse_chmod,
// cfs_fuse_chown, cfs_fuse_getattr): files are 0640, whatever mode they were
// created with, and 0640 is the only one that chmod accepts; chown fails.
// Without quorum nothing can be written and the write bits are gone.
type strict struct {
	fs.LoopbackNode
	lost *atomic.Bool // quorum
}

func (n *strict) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	return &strict{LoopbackNode: fs.LoopbackNode{RootData: ops.(*fs.LoopbackNode).RootData}, lost: n.lost}
}

func (n *strict) modes(out *fuse.Attr) {
	switch out.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		out.Mode = syscall.S_IFREG | 0o640
	case syscall.S_IFLNK:
		out.Mode = syscall.S_IFLNK | 0o755
	}
	if n.lost.Load() {
		out.Mode &^= 0o222
	}
}

func (n *strict) Getattr(ctx context.Context, f fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	err := n.LoopbackNode.Getattr(ctx, f, out)
	n.modes(&out.Attr)
	return err
}

func (n *strict) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	inode, err := n.LoopbackNode.Lookup(ctx, name, out)
	n.modes(&out.Attr)
	return inode, err
}

func (n *strict) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if mode, ok := in.GetMode(); ok && mode&0o7777 != 0o640 {
		return syscall.EPERM
	}
	if _, ok := in.GetUID(); ok {
		return syscall.EPERM
	}
	return n.Getattr(ctx, f, out)
}

func (n *strict) Create(ctx context.Context, name string, flags, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if n.lost.Load() {
		return nil, nil, 0, syscall.EACCES
	}
	inode, f, more, err := n.LoopbackNode.Create(ctx, name, flags, 0o640, out)
	n.modes(&out.Attr)
	return inode, f, more, err
}

// mountStrict is a host whose /etc/pve is such a file system, with CT 101.
func mountStrict(t *testing.T, lost *atomic.Bool) (*Host, string) {
	t.Helper()
	h, mnt, _ := mountStrictAgain(t, lost)
	return h, mnt
}

// mountStrictAgain also returns how to mount it again when it is gone.
func mountStrictAgain(t *testing.T, lost *atomic.Bool) (h *Host, mnt string, again func()) {
	t.Helper()
	lab.RequireFUSE(t)
	behind := t.TempDir()
	write(t, filepath.Join(behind, "nodes/pve1/lxc/101.conf"), before)
	if err := os.Symlink("nodes/pve1", filepath.Join(behind, "local")); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	mnt = filepath.Join(root, "etc/pve")
	if err := os.MkdirAll(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	again = func() {
		top := &strict{lost: lost}
		top.RootData = &fs.LoopbackRoot{Path: behind, RootNode: top}
		if _, err := pmxcfs.Serve(fs.NewNodeFS(top, &fs.Options{}), mnt, false); err != nil {
			t.Fatal(err)
		}
	}
	again()
	t.Cleanup(func() { unmount(t, mnt) })
	h, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return h, mnt, again
}

// A draft that waits keeps nothing open: a mount whose server has crashed can
// be taken away, so that pmxcfs comes back. The draft is put into place then,
// or written anew where it is lost.
func TestDraftKeepsNothingOpen(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"it is still there": false, "it is lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, mnt, again := mountStrictAgain(t, new(atomic.Bool))
			d, err := h.Draft(pve.Container, 101, []byte(after))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Discard()
			for try := 0; syscall.Unmount(mnt, 0) != nil; try++ { // the kernel closes beside us
				if try == 200 {
					t.Fatal("the mount is busy while a draft waits")
				}
				time.Sleep(10 * time.Millisecond)
			}
			again()
			dir := filepath.Join(mnt, "nodes/pve1/lxc")
			if lost {
				for _, name := range files(t, dir) {
					if name != "101.conf" {
						if err := os.Remove(filepath.Join(dir, name)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if err := d.Put(t.Context(), []byte(before)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, filepath.Join(dir, "101.conf")); got != after {
				t.Errorf("file is %q", got)
			}
			if left := files(t, dir); len(left) != 1 {
				t.Errorf("left over: %q", left)
			}
		})
	}
}

// unmount waits for the kernel to be done with the files.
func unmount(t *testing.T, dir string) {
	t.Helper()
	for range 200 {
		if syscall.Unmount(dir, 0) == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Error(err)
	}
}

func TestPmxcfs(t *testing.T) {
	t.Parallel()
	h, mnt := mountStrict(t, new(atomic.Bool))
	if ok, err := h.Quorate(); !h.OnPmxcfs() || !h.Mounted() || !ok || err != nil {
		t.Errorf("FUSE %t, mounted %t, quorate %t, %v", h.OnPmxcfs(), h.Mounted(), ok, err)
	}
	if err := h.Replace(t.Context(), pve.Container, 101, []byte(before), []byte(after)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(mnt, "nodes/pve1/lxc/101.conf")); got != after {
		t.Errorf("file is %q", got)
	}
	if left := files(t, filepath.Join(mnt, "nodes/pve1/lxc")); len(left) != 1 {
		t.Errorf("left over: %q", left)
	}
}

func TestPmxcfsWithoutQuorum(t *testing.T) {
	t.Parallel()
	var lost atomic.Bool
	lost.Store(true)
	h, mnt := mountStrict(t, &lost)
	if ok, err := h.Quorate(); !h.Mounted() || ok || err != nil {
		t.Errorf("mounted %t, quorate %t, %v", h.Mounted(), ok, err)
	}
	err := h.Replace(t.Context(), pve.Container, 101, []byte(before), []byte(after))
	if !errors.Is(err, syscall.EACCES) || !strings.Contains(err.Error(), "quorum") || read(t, filepath.Join(mnt, "local/lxc/101.conf")) != before {
		t.Errorf("err = %v", err)
	}
}

// FUSE without the link that pmxcfs always shows is something else, or a
// pmxcfs that has not come up.
func TestPmxcfsWithoutLink(t *testing.T) {
	t.Parallel()
	h, mnt := mountStrict(t, new(atomic.Bool))
	if err := os.Remove(filepath.Join(mnt, "local")); err != nil {
		t.Fatal(err)
	}
	if h.Mounted() {
		t.Error("mounted")
	}
}
