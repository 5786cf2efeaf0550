package pmxcfs

import (
	"bytes"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Open makes the kernel pass every read and write on (direct_io).
func (f *fileSystem) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	path, errno := f.inodes.path(in.NodeId)
	if errno == 0 {
		errno = f.node.query(f.op(&in.InHeader, "open", path))
	}
	if errno == 0 {
		errno = f.exists(path)
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	out.OpenFlags = fuse.FOPEN_DIRECT_IO
	f.inodes.opened(in.NodeId, 1)
	return fuse.OK
}

// Create leaves the page cache on, as cfs_fuse_create does.
func (f *fileSystem) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	path, errno := f.inodes.child(in.NodeId, name)
	if errno == 0 {
		errno = f.node.change(f.op(&in.InHeader, "create", path), message{kind: createFile, path: path})
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	if status := f.entryOut(in.NodeId, name, path, &out.EntryOut); !status.Ok() {
		return status
	}
	f.inodes.opened(out.NodeId, 1)
	return fuse.OK
}

func (f *fileSystem) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	path, errno := f.inodes.path(in.NodeId)
	o := f.op(&in.InHeader, "read", path)
	o.Offset, o.Size = int64(in.Offset), len(buf)
	if errno == 0 {
		errno = f.node.query(o)
	}
	if errno != 0 {
		return nil, fuse.Status(errno)
	}
	content, ok := f.node.status(path, false)
	data := []byte(content)
	if !ok {
		f.node.c.look(f.node, func(t *tree) {
			if e := t.find(path); e != nil && !e.dir() {
				data, ok = e.data, true // never changed in place
			}
		})
	}
	if !ok {
		return nil, fuse.ENOENT
	}
	data = data[min(int(in.Offset), len(data)):]
	return fuse.ReadResultData(bytes.Clone(data[:min(len(buf), len(data))])), fuse.OK
}

// Write sends one message. The kernel has already cut what a process writes
// into pieces of at most 128 KiB.
func (f *fileSystem) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	path, errno := f.inodes.path(in.NodeId)
	if errno != 0 {
		return 0, fuse.Status(errno)
	}
	o := f.op(&in.InHeader, "write", path)
	o.Offset, o.Size = int64(in.Offset), len(data)
	n, errno := f.node.writeShort(o, data)
	return uint32(n), fuse.Status(errno)
}

// writeShort writes as much of data as the fault, if any, lets through.
func (n *Node) writeShort(o Op, data []byte) (int, syscall.Errno) {
	short := len(data)
	m := message{kind: writeFile, path: o.Path, offset: o.Offset}
	errno := n.changeWith(o, func(f Fault) message {
		if f.Short > 0 {
			short = min(short, f.Short)
		}
		m.data = bytes.Clone(data[:short])
		return m
	})
	if errno != 0 {
		return 0, errno
	}
	return short, 0
}

func (f *fileSystem) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	path, errno := f.inodes.path(in.NodeId)
	if f.inodes.opened(in.NodeId, -1) == 0 && errno == 0 && isHidden(path) {
		f.node.c.send(f.node, message{kind: deleteEntry, path: path})
	}
}

// Flush isn't there in pmxcfs, which the kernel is told at the first close of a
// file, and never asks again.
func (f *fileSystem) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// SetAttr is chmod, chown, truncate and utimens, each with its own rule.
func (f *fileSystem) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	path, errno := f.inodes.path(in.NodeId)
	if errno != 0 {
		return fuse.Status(errno)
	}
	if mode, ok := in.GetMode(); ok {
		errno = f.chmod(&in.InHeader, path, mode)
	}
	uid, hasUID := in.GetUID()
	gid, hasGID := in.GetGID()
	if errno == 0 && (hasUID || hasGID) {
		if errno = f.node.query(f.op(&in.InHeader, "chown", path)); errno == 0 && (hasUID && uid != 0 || hasGID && gid != wwwData) {
			errno = syscall.EPERM
		}
	}
	if size, ok := in.GetSize(); ok && errno == 0 {
		errno = f.truncate(&in.InHeader, path, int64(size))
	}
	if mtime, ok := in.GetMTime(); ok && errno == 0 {
		errno = f.utime(&in.InHeader, path, uint32(mtime.Unix()))
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	return f.attrOut(in.NodeId, path, out)
}

// chmod accepts the mode that a file has anyway.
func (f *fileSystem) chmod(h *fuse.InHeader, path string, mode uint32) syscall.Errno {
	if errno := f.node.query(f.op(h, "chmod", path)); errno != 0 {
		return errno
	}
	allowed := uint32(0o640)
	if private(path) {
		allowed = 0o600
	}
	if mode&0o7777 != allowed {
		return syscall.EPERM
	}
	return 0
}

// truncate kills pmxcfs on all nodes when it makes an empty file longer:
// memdb_pwrite then has a size without data.
func (f *fileSystem) truncate(h *fuse.InHeader, path string, size int64) syscall.Errno {
	if size > maxFile {
		return syscall.EFBIG
	}
	grows := false
	f.node.c.look(f.node, func(t *tree) {
		e := t.find(path)
		grows = e != nil && !e.dir() && len(e.data) == 0 && size > 0
	})
	if grows {
		for _, n := range f.node.c.Nodes() {
			go n.Crash() // one that isn't mounted has nothing to lose
		}
		return syscall.ENOTCONN
	}
	o := f.op(h, "truncate", path)
	o.Offset = size
	return f.node.change(o, message{kind: truncateFile, path: path, offset: size})
}

// utime of zero asks for the removal of a lock directory that is too old.
func (f *fileSystem) utime(h *fuse.InHeader, path string, mtime uint32) syscall.Errno {
	if mtime == 0 && lockDir(path) && f.node.c.requestUnlock(f.node, path) {
		return f.node.query(f.op(h, "utime", path))
	}
	return f.node.change(f.op(h, "utime", path), message{kind: setTime, path: path, mtime: mtime})
}
