package pmxcfs

import (
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// fileSystem answers the kernel for one mount of a node, as libfuse 2 and
// cfs_fuse_* in pmxcfs.c do together. What it doesn't have fails with ENOSYS:
// symbolic and hard links, device files, extended attributes, fallocate; the
// kernel takes that as success for fsync and flush, and handles locks itself.
type fileSystem struct {
	fuse.RawFileSystem
	node   *Node
	inodes *inodes
}

func newFileSystem(n *Node) *fileSystem {
	return &fileSystem{RawFileSystem: fuse.NewDefaultRawFileSystem(), node: n, inodes: newInodes()}
}

func (f *fileSystem) String() string { return "pmxcfs on " + f.node.name }

// op describes a call to the interceptor.
func (f *fileSystem) op(h *fuse.InHeader, call, path string) Op {
	return Op{Node: f.node.name, Call: call, Path: path, PID: h.Pid}
}

// links are create_symlinks in pmxcfs.c.
func (f *fileSystem) link(path string) (target string, ok bool) {
	here := "nodes/" + f.node.name
	switch path {
	case "local":
		return here, true
	case "lxc", "qemu-server", "openvz":
		return here + "/" + path, true
	}
	return "", false
}

// private is path_is_private.
func private(path string) bool {
	part := strings.Split(path, "/")
	return part[0] == "priv" || len(part) > 2 && part[0] == "nodes" && part[2] == "priv"
}

// wwwData is the group of all files.
const wwwData = 33

// attr is getattr: modes follow from path and quorum alone.
func (f *fileSystem) attr(path string, out *fuse.Attr) syscall.Errno {
	writable := f.node.c.writable(f.node)
	mode, size, mtime := uint32(0), 0, uint32(0)
	if _, isLink := f.link(path); isLink {
		mode = syscall.S_IFLNK | 0o555
		if writable {
			mode = syscall.S_IFLNK | 0o777
		}
	} else if content, ok := f.node.status(path, true); ok {
		mode, size = syscall.S_IFREG|0o440, len(content)
	} else {
		f.node.c.look(f.node, func(t *tree) {
			switch e := t.find(path); {
			case e == nil:
			case e.dir():
				mode, mtime = syscall.S_IFDIR|0o555, e.mtime
			default:
				mode, size, mtime = syscall.S_IFREG|0o444, len(e.data), e.mtime
			}
		})
		if mode == 0 {
			return syscall.ENOENT
		}
		if writable {
			mode |= 0o222
		}
	}
	switch {
	case private(path):
		mode &^= 0o077
	case mode&syscall.S_IFMT == syscall.S_IFREG:
		mode &^= 0o027
	default:
		mode &^= 0o022
	}
	links := uint32(1)
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		links = 2
	}
	*out = fuse.Attr{Mode: mode, Size: uint64(size), Nlink: links, Mtime: uint64(mtime), Atime: uint64(mtime), Ctime: uint64(mtime), Blksize: 4096}
	out.Blocks = (out.Size + 4095) / 4096
	out.Gid = wwwData
	return 0
}

// exists is what opening asks for: not the attributes.
func (f *fileSystem) exists(path string) syscall.Errno {
	if _, ok := f.node.status(path, false); ok {
		return 0
	}
	return f.attr(path, &fuse.Attr{})
}

// entryOut tells the kernel of a name. As with libfuse it may believe that
// for a second, and asks each time for names that don't exist.
func (f *fileSystem) entryOut(parent uint64, name, path string, out *fuse.EntryOut) fuse.Status {
	if errno := f.attr(path, &out.Attr); errno != 0 {
		return fuse.Status(errno)
	}
	out.NodeId = f.inodes.lookup(parent, name)
	out.Ino = out.NodeId
	out.EntryValid, out.AttrValid = 1, 1
	return fuse.OK
}

func (f *fileSystem) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	path, errno := f.inodes.child(h.NodeId, name)
	if errno == 0 {
		errno = f.node.query(f.op(h, "lookup", path))
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	return f.entryOut(h.NodeId, name, path, out)
}

func (f *fileSystem) Forget(id, n uint64) { f.inodes.forget(id, n) }

func (f *fileSystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	path, errno := f.inodes.path(in.NodeId)
	if errno == 0 {
		errno = f.node.query(f.op(&in.InHeader, "lookup", path))
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	return f.attrOut(in.NodeId, path, out)
}

func (f *fileSystem) attrOut(id uint64, path string, out *fuse.AttrOut) fuse.Status {
	errno := f.attr(path, &out.Attr)
	out.Ino = id
	out.AttrValid = 1
	return fuse.Status(errno)
}

func (f *fileSystem) Readlink(_ <-chan struct{}, h *fuse.InHeader) ([]byte, fuse.Status) {
	path, errno := f.inodes.path(h.NodeId)
	if errno != 0 {
		return nil, fuse.Status(errno)
	}
	target, ok := f.link(path)
	if !ok {
		return nil, fuse.Status(syscall.EACCES)
	}
	return []byte(target), fuse.OK
}

func (f *fileSystem) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	bytes, files := 0, 0
	f.node.c.look(f.node, func(t *tree) { bytes, files = t.root.size() })
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 256
	out.Blocks, out.Files = 128<<20/4096, 256<<10
	out.Bfree = out.Blocks - uint64(bytes+4095)/4096
	out.Bavail, out.Ffree = out.Bfree, out.Files-uint64(files)
	return fuse.OK
}
