package pmxcfs

import (
	"strings"
	"syscall"
)

// maxFile is MEMDB_MAX_FILE_SIZE.
const maxFile = 1 << 20

// entry is a file or directory, as memdb_tree_entry_t.
type entry struct {
	name     string
	children map[string]*entry // nil for a file
	data     []byte
	version  uint64 // of the tree, when the entry last changed
	writer   uint32 // node that changed it
	mtime    uint32 // Unix time
}

func (e *entry) dir() bool { return e.children != nil }

// tree is one node's copy of everything.
type tree struct {
	root    *entry
	version uint64
	locks   map[string]lock
	guests  guests
	changes map[string]uint32 // how often a file of .version's list changed
}

func newTree() *tree {
	return &tree{
		root:    &entry{children: map[string]*entry{}},
		locks:   map[string]lock{},
		guests:  guests{byID: map[uint32]guest{}},
		changes: map[string]uint32{},
	}
}

// find returns the entry at a path without leading slash, nil if there is none.
func (t *tree) find(path string) *entry {
	at := t.root
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		if at == nil || !at.dir() {
			return nil
		}
		at = at.children[name]
	}
	return at
}

// split finds the directory that an entry is in or would be in.
func (t *tree) split(path string) (parent *entry, base string, errno syscall.Errno) {
	dir, base := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, base = path[:i], path[i+1:]
	}
	parent = t.find(dir)
	switch {
	case parent == nil:
		return nil, "", syscall.ENOENT
	case !parent.dir():
		return nil, "", syscall.ENOTDIR
	case base == "" || base == "." || base == "..":
		return nil, "", syscall.EACCES
	}
	return parent, base, 0
}

// stamp counts a change of the tree and marks the entry with it.
func (t *tree) stamp(e *entry, m message) {
	t.version++
	e.version, e.writer, e.mtime = t.version, m.writer, m.time
}

// size is what all files take together.
func (e *entry) size() (bytes, files int) {
	bytes, files = len(e.data), 1
	for _, c := range e.children {
		b, f := c.size()
		bytes, files = bytes+b, files+f
	}
	return bytes, files
}
