package ledger

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	gofs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
)

// tapped is an ordinary directory, mounted once more so that each call on it
// can be counted, made to fail, or be the caller's last.
type tapped struct {
	fuse.RawFileSystem
	mu   sync.Mutex
	hook func(pmxcfs.Op) pmxcfs.Fault
}

// tap mounts such a directory.
func tap(t *testing.T) (f *tapped, dir string) {
	t.Helper()
	lab.RequireFUSE(t)
	parent := t.TempDir()
	hidden, dir := filepath.Join(parent, "hidden"), filepath.Join(parent, "dir")
	for _, d := range []string{filepath.Join(parent, "real"), hidden, dir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root, err := gofs.NewLoopbackRoot(filepath.Join(parent, "real"))
	if err != nil {
		t.Fatal(err)
	}
	f = &tapped{RawFileSystem: gofs.NewNodeFS(root, &gofs.Options{})}
	if _, err := pmxcfs.Serve(f, hidden, false); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(hidden, dir, "", unix.MS_MOVE, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return f, dir
}

// intercept has f called before each call; nil ends it.
func (f *tapped) intercept(hook func(pmxcfs.Op) pmxcfs.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// faultOf asks the hook.
func (f *tapped) faultOf(call string, h *fuse.InHeader, name string) pmxcfs.Fault {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return pmxcfs.Fault{}
	}
	return hook(pmxcfs.Op{Call: call, Path: name, PID: h.Pid})
}

// do makes a call, or what the hook wants instead.
func (f *tapped) do(call string, h *fuse.InHeader, name string, real func() fuse.Status) fuse.Status {
	return suffer(f.faultOf(call, h, name), real)
}

// suffer makes a call with what goes wrong with it.
func suffer(fault pmxcfs.Fault, real func() fuse.Status) fuse.Status {
	time.Sleep(fault.Delay)
	if fault.After != nil {
		defer fault.After()
	}
	if fault.Errno == 0 {
		return real()
	}
	if fault.Applied {
		real()
	}
	return fuse.Status(fault.Errno)
}

// Init keeps the server from the file system, which would have the kernel
// read and write past us (FUSE_PASSTHROUGH).
func (*tapped) Init(*fuse.Server) {}

func (f *tapped) Mkdir(c <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.do("mkdir", &in.InHeader, name, func() fuse.Status { return f.RawFileSystem.Mkdir(c, in, name, out) })
}

func (f *tapped) Create(c <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	return f.do("create", &in.InHeader, name, func() fuse.Status { return f.RawFileSystem.Create(c, in, name, out) })
}

func (f *tapped) Open(c <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return f.do("open", &in.InHeader, "", func() fuse.Status { return f.RawFileSystem.Open(c, in, out) })
}

func (f *tapped) Write(c <-chan struct{}, in *fuse.WriteIn, data []byte) (n uint32, status fuse.Status) {
	fault := f.faultOf("write", &in.InHeader, "")
	if fault.Short > 0 {
		data = data[:min(fault.Short, len(data))]
	}
	status = suffer(fault, func() (s fuse.Status) {
		n, s = f.RawFileSystem.Write(c, in, data)
		return s
	})
	return n, status
}

func (f *tapped) Fsync(c <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.do("fsync", &in.InHeader, "", func() fuse.Status { return f.RawFileSystem.Fsync(c, in) })
}

func (f *tapped) Rename(c <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	return f.do("rename", &in.InHeader, from, func() fuse.Status { return f.RawFileSystem.Rename(c, in, from, to) })
}

func (f *tapped) Unlink(c <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return f.do("unlink", h, name, func() fuse.Status { return f.RawFileSystem.Unlink(c, h, name) })
}

func (f *tapped) Rmdir(c <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return f.do("rmdir", h, name, func() fuse.Status { return f.RawFileSystem.Rmdir(c, h, name) })
}

func (f *tapped) OpenDir(c <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return f.do("opendir", &in.InHeader, "", func() fuse.Status { return f.RawFileSystem.OpenDir(c, in, out) })
}
