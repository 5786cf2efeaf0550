package pmxcfs

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
)

// inode is what libfuse keeps of a name that the kernel knows: an open file
// is its path, not its content.
type inode struct {
	id      uint64
	parent  *inode // nil for the root, and for what was removed on this node
	name    string
	lookups uint64
	opens   int
}

// inodes is a node's table of them (lib/fuse.c).
type inodes struct {
	mu     sync.Mutex
	byID   map[uint64]*inode
	byName map[place]*inode
	next   uint64
	hidden uint64 // how many hidden names were given
}

type place struct {
	parent uint64
	name   string
}

const rootID = 1

func newInodes() *inodes {
	t := &inodes{byID: map[uint64]*inode{}, byName: map[place]*inode{}, next: rootID + 1}
	t.byID[rootID] = &inode{id: rootID, lookups: 1}
	return t
}

// path is where an inode is now.
func (t *inodes) path(id uint64) (string, syscall.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pathOf(id)
}

func (t *inodes) pathOf(id uint64) (string, syscall.Errno) {
	var names []string
	for i := t.byID[id]; ; i = i.parent {
		switch {
		case i == nil:
			return "", syscall.ENOENT
		case i.id == rootID:
			for l, r := 0, len(names)-1; l < r; l, r = l+1, r-1 {
				names[l], names[r] = names[r], names[l]
			}
			return strings.Join(names, "/"), 0
		}
		names = append(names, i.name)
	}
}

// child is the path of a name in a directory.
func (t *inodes) child(parent uint64, name string) (string, syscall.Errno) {
	dir, errno := t.path(parent)
	if errno != 0 || dir == "" {
		return name, errno
	}
	return dir + "/" + name, 0
}

// lookup gives a name its inode and counts that the kernel knows it.
func (t *inodes) lookup(parent uint64, name string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.byName[place{parent, name}]
	if i == nil {
		i = &inode{id: t.next, parent: t.byID[parent], name: name}
		t.next++
		t.byID[i.id] = i
		t.byName[place{parent, name}] = i
	}
	i.lookups++
	return i.id
}

func (t *inodes) forget(id, n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.byID[id]
	if i == nil || id == rootID {
		return
	}
	if i.lookups -= min(n, i.lookups); i.lookups == 0 {
		t.unhash(i)
		delete(t.byID, id)
	}
}

// unhash takes a name away from its inode.
func (t *inodes) unhash(i *inode) {
	if i.parent != nil && t.byName[place{i.parent.id, i.name}] == i {
		delete(t.byName, place{i.parent.id, i.name})
	}
	i.parent = nil
}

// removed notes that a name is gone.
func (t *inodes) removed(parent uint64, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.byName[place{parent, name}]; i != nil {
		t.unhash(i)
	}
}

// renamed notes that a name is now another.
func (t *inodes) renamed(parent uint64, name string, to uint64, toName string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.byName[place{to, toName}]; old != nil {
		t.unhash(old)
	}
	if i := t.byName[place{parent, name}]; i != nil {
		t.unhash(i)
		i.parent, i.name = t.byID[to], toName
		t.byName[place{to, toName}] = i
	}
}

// opened counts open descriptors, and returns how many there are now.
func (t *inodes) opened(id uint64, d int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.byID[id]
	if i == nil {
		return 0
	}
	i.opens += d
	return i.opens
}

// hiddenName is a new name for a file that is removed while open.
func (t *inodes) hiddenName() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hidden++
	return fmt.Sprintf("%s%016x", hiddenPrefix, t.hidden)
}

// isOpen reports whether a name is open on this node.
func (t *inodes) isOpen(parent uint64, name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.byName[place{parent, name}]
	return i != nil && i.opens > 0
}
