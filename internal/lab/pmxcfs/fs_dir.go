package pmxcfs

import (
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

func (f *fileSystem) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	path, errno := f.inodes.child(in.NodeId, name)
	if errno == 0 {
		errno = f.node.change(f.op(&in.InHeader, "mkdir", path), message{kind: makeDir, path: path})
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	return f.entryOut(in.NodeId, name, path, out)
}

func (f *fileSystem) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	path, errno := f.inodes.child(h.NodeId, name)
	if errno == 0 {
		errno = f.node.change(f.op(h, "rmdir", path), message{kind: deleteEntry, path: path})
	}
	if errno == 0 {
		f.inodes.removed(h.NodeId, name)
	}
	return fuse.Status(errno)
}

// Unlink only hides a file that is open on this node.
func (f *fileSystem) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	path, errno := f.inodes.child(h.NodeId, name)
	if errno == 0 && f.inodes.isOpen(h.NodeId, name) {
		return fuse.Status(f.hide(h, h.NodeId, name, path))
	}
	if errno == 0 {
		errno = f.node.change(f.op(h, "unlink", path), message{kind: deleteEntry, path: path})
	}
	if errno == 0 {
		f.inodes.removed(h.NodeId, name)
	}
	return fuse.Status(errno)
}

const hiddenPrefix = ".fuse_hidden"

func isHidden(p string) bool { return strings.HasPrefix(path.Base(p), hiddenPrefix) }

// hide is hide_node in libfuse: the file gets a name that is removed with the
// last descriptor.
func (f *fileSystem) hide(h *fuse.InHeader, parent uint64, name, from string) syscall.Errno {
	hidden := f.inodes.hiddenName()
	o := f.op(h, "rename", from)
	o.To = path.Join(path.Dir(from), hidden)
	if errno := f.node.change(o, message{kind: renameEntry, path: from, to: o.To}); errno != 0 {
		return errno
	}
	f.inodes.renamed(parent, name, parent, hidden)
	if !f.inodes.isOpen(parent, hidden) { // closed meanwhile
		f.node.c.send(f.node, message{kind: deleteEntry, path: o.To})
	}
	return 0
}

// Rename over a file that is open on this node takes two steps: between them
// there is no file of that name.
func (f *fileSystem) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if in.Flags != 0 {
		return fuse.EINVAL
	}
	from, errno := f.inodes.child(in.NodeId, oldName)
	to, errno2 := f.inodes.child(in.Newdir, newName)
	if errno != 0 || errno2 != 0 {
		return fuse.ENOENT
	}
	if f.inodes.isOpen(in.Newdir, newName) {
		if errno := f.hide(&in.InHeader, in.Newdir, newName, to); errno != 0 {
			return fuse.Status(errno)
		}
	}
	o := f.op(&in.InHeader, "rename", from)
	o.To = to
	errno = f.node.change(o, message{kind: renameEntry, path: from, to: to})
	if errno == 0 {
		f.inodes.renamed(in.NodeId, oldName, in.Newdir, newName)
	}
	return fuse.Status(errno)
}

// OpenDir must succeed: a file system without it is one whose directories the
// kernel may cache.
func (f *fileSystem) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, _ *fuse.OpenOut) fuse.Status {
	path, errno := f.inodes.path(in.NodeId)
	if errno == 0 {
		errno = f.attr(path, &fuse.Attr{})
	}
	return fuse.Status(errno)
}

func (f *fileSystem) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	dir, errno := f.inodes.path(in.NodeId)
	if errno == 0 {
		errno = f.node.query(f.op(&in.InHeader, "readdir", dir))
	}
	if errno != 0 {
		return fuse.Status(errno)
	}
	for i, e := range f.list(dir) {
		if uint64(i) < in.Offset {
			continue
		}
		e.Off = uint64(i + 1)
		if !out.AddDirEntry(e) {
			break
		}
	}
	return fuse.OK
}

// list is what a directory shows, in a fixed order.
func (f *fileSystem) list(dir string) []fuse.DirEntry {
	found := []fuse.DirEntry{{Name: ".", Mode: syscall.S_IFDIR}, {Name: "..", Mode: syscall.S_IFDIR}}
	if dir == "" {
		for _, name := range []string{"local", "lxc", "openvz", "qemu-server"} {
			found = append(found, fuse.DirEntry{Name: name, Mode: syscall.S_IFLNK})
		}
		for _, name := range []string{".members", ".version", ".vmlist"} {
			found = append(found, fuse.DirEntry{Name: name, Mode: syscall.S_IFREG})
		}
	}
	f.node.c.look(f.node, func(t *tree) {
		e := t.find(dir)
		if e == nil {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(e.children)) {
			mode := uint32(syscall.S_IFREG)
			if e.children[name].dir() {
				mode = syscall.S_IFDIR
			}
			found = append(found, fuse.DirEntry{Name: name, Mode: mode})
		}
	})
	for i := range found {
		found[i].Ino = uint64(i + 2)
	}
	return found
}
