package pmxcfs

import (
	"bytes"
	"path"
	"syscall"
	"time"
)

// kind is what a message asks for, as dcdb_message_t.
type kind uint8

const (
	makeDir kind = iota
	createFile
	writeFile
	truncateFile
	renameEntry
	deleteEntry
	setTime
	unlock // delete a lock directory if it is still the version that expired
)

// message is one change of the tree, the same on all nodes.
type message struct {
	kind     kind
	from     *Node
	writer   uint32 // id of from, 0 on a host of its own
	time     uint32 // at the sender, Unix time
	sent     time.Time
	path, to string
	data     []byte
	offset   int64
	mtime    uint32
	version  uint64
}

// apply does to the tree what a message asks for. now is when it arrived.
func (t *tree) apply(m message, now time.Time) syscall.Errno {
	switch m.kind {
	case makeDir:
		return t.mkdir(m, now)
	case createFile, writeFile, truncateFile:
		return t.write(m)
	case renameEntry:
		return t.rename(m)
	case deleteEntry:
		return t.delete(m)
	case setTime:
		return t.utime(m, now)
	case unlock:
		if e := t.find(m.path); e == nil || e.version != m.version {
			return 0
		}
		return t.delete(m)
	}
	return syscall.ENOTSUP
}

// mkdir is memdb_mkdir.
func (t *tree) mkdir(m message, now time.Time) syscall.Errno {
	parent, base, errno := t.split(m.path)
	if errno != 0 {
		return errno
	}
	if parent.children[base] != nil {
		return syscall.EEXIST
	}
	e := &entry{name: base, children: map[string]*entry{}}
	t.stamp(e, m)
	parent.children[base] = e
	if path.Dir(m.path) == "priv/lock" {
		t.locks[m.path] = lock{since: now, version: e.version}
	}
	return 0
}

// write is memdb_pwrite.
func (t *tree) write(m message) syscall.Errno {
	if m.offset+int64(len(m.data)) > maxFile {
		return syscall.EFBIG
	}
	parent, base, errno := t.split(m.path)
	if errno != 0 {
		return errno
	}
	g, isGuest := guestOf(m.path)
	if isGuest && t.guests.elsewhere(g) {
		return syscall.EEXIST
	}
	e := parent.children[base]
	switch {
	case e == nil && m.kind != createFile:
		return syscall.ENOENT
	case e != nil && e.dir():
		return syscall.ENOTDIR
	case e != nil && m.kind == createFile:
		return syscall.EEXIST
	case e == nil:
		e = &entry{name: base}
		parent.children[base] = e
	}
	t.stamp(e, m)
	e.data = patched(e.data, m)
	t.changed(m.path)
	if isGuest {
		t.guests.register(g)
	}
	return 0
}

// patched is a file's content after a write: a write never shortens it.
func patched(old []byte, m message) []byte {
	end := int(m.offset) + len(m.data)
	if m.kind == truncateFile {
		return append(bytes.Clone(old[:min(end, len(old))]), make([]byte, max(0, end-len(old)))...)
	}
	data := make([]byte, max(end, len(old)))
	copy(data, old)
	copy(data[m.offset:], m.data)
	return data
}
