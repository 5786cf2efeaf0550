package pmxcfs

import (
	"path"
	"syscall"
	"time"
)

// rename is memdb_rename: over whatever is there, but only of empty
// directories, and never of locks.
func (t *tree) rename(m message) syscall.Errno {
	from, base, errno := t.split(m.path)
	if errno != 0 {
		return errno
	}
	e := from.children[base]
	if e == nil {
		return syscall.ENOENT
	}
	was, wasGuest := guestOf(m.path)
	g, isGuest := guestOf(m.to)
	if !e.dir() && isGuest && t.guests.elsewhere(g) && !(wasGuest && was.id == g.id) {
		return syscall.EEXIST
	}
	if e.dir() && lockDir(m.path) {
		return syscall.EACCES
	}
	to, name, errno := t.split(m.to)
	if errno != 0 {
		return errno
	}
	if target := to.children[name]; target != nil && len(target.children) > 0 || len(e.children) > 0 {
		return syscall.ENOTEMPTY
	}
	delete(from.children, base)
	e.name = name
	t.stamp(e, m)
	to.children[name] = e
	t.changed(m.path)
	t.changed(m.to)
	if wasGuest && !e.dir() {
		t.guests.remove(was.id)
	}
	if isGuest && !e.dir() {
		t.guests.register(g)
	}
	return 0
}

// delete is memdb_delete.
func (t *tree) delete(m message) syscall.Errno {
	parent, base, errno := t.split(m.path)
	if errno != 0 {
		return errno
	}
	e := parent.children[base]
	switch {
	case e == nil:
		return syscall.ENOENT
	case len(e.children) > 0:
		return syscall.ENOTEMPTY
	}
	t.version++
	delete(parent.children, base)
	delete(t.locks, m.path)
	t.changed(m.path)
	if g, isGuest := guestOf(m.path); isGuest {
		t.guests.remove(g.id)
	}
	return 0
}

// utime is memdb_mtime: a lock's time only grows, and only by its own node.
func (t *tree) utime(m message, now time.Time) syscall.Errno {
	parent, base, errno := t.split(m.path)
	if errno != 0 {
		return errno
	}
	e := parent.children[base]
	if e == nil {
		return syscall.ENOENT
	}
	isLock := path.Dir(m.path) == "priv/lock" && e.dir()
	if isLock && (m.mtime < e.mtime || m.writer != e.writer) {
		return syscall.EACCES
	}
	t.stamp(e, m)
	e.mtime = m.mtime
	t.changed(m.path)
	if isLock {
		t.locks[m.path] = lock{since: now, version: e.version}
	}
	return 0
}
