package pmxcfs

import (
	"strings"
	"time"
)

// lockTimeout is CFS_LOCK_TIMEOUT.
const lockTimeout = 120 * time.Second

// lock is what a node knows of a lock directory: since when by its own clock,
// and the version of the directory that this was seen on.
type lock struct {
	since   time.Time
	version uint64
}

// lockDir is path_is_lockdir.
func lockDir(path string) bool {
	name, ok := strings.CutPrefix(path, "priv/lock/")
	return ok && name != ""
}

// expired is memdb_lock_expired: it counts from the first time that this node
// saw this version of the directory.
func (t *tree) expired(path string, now time.Time) bool {
	e := t.find(path)
	if e == nil || !e.dir() || !lockDir(path) {
		return false
	}
	l, known := t.locks[path]
	if !known || l.version != e.version {
		t.locks[path] = lock{since: now, version: e.version}
		return false
	}
	return now.Sub(l.since) > lockTimeout
}
