package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/lease"
)

// Options say where a ledger is and whose.
type Options struct {
	Dir     string           // its own directory, by default /etc/pve/priv/pve-iplease
	PVE     string           // where the cluster file system is mounted, /etc/pve
	Mount   *clusterfs.Mount // what is mounted there, nil: nobody else waits for it
	Run     string           // the node's volatile directory for locks, /run/pve-iplease
	Scratch bool             // the paths lie in a scratch tree, where /etc/pve may be a plain directory
	Cluster string           // name of the cluster this node is in, empty without one
	Used    string           // where the node remembers which ledgers it has used; empty: nowhere

	// Reserve is how much of a context's time must be left when a call begins
	// that may block while the cluster decides about its quorum; 0 means 15
	// seconds. It counts on the cluster file system only.
	Reserve time.Duration
	// Note, if set, gets one sentence about each thing that an administrator
	// should know although the call went well.
	Note func(string)
}

// Open opens the ledger in the form that its file system asks for. It creates
// nothing. Errors are those of OpenStore.
func Open(o Options) (*Ledger, error) {
	s, err := OpenStore(o)
	if err != nil {
		return nil, err
	}
	l := New(s, o.Cluster)
	if o.Note != nil {
		l.note = o.Note
	}
	return l, nil
}

// OpenStore opens what Open builds on: two slots on the cluster file system,
// one file elsewhere. It returns ErrUnmounted when the ledger lies below PVE
// and nothing is mounted there, unless that is a directory of a scratch tree
// with something in it.
func OpenStore(o Options) (Store, error) {
	begin := func() ([]byte, error) { return encode(fresh(o.Cluster), nil) }
	local := &file{dir: filepath.Clean(o.Dir), fresh: begin, usage: usageOf(o)}
	dir, shared := below(o.PVE, o.Dir)
	if !shared {
		return local, nil
	}
	s := newSlots(o, dir, begin)
	err := s.mounted(context.Background(), func(*mount) error { return nil })
	switch {
	case err == nil:
		return s, nil
	case o.Scratch && errors.Is(err, ErrUnmounted) && standIn(o.PVE):
		return local, nil
	}
	return nil, err
}

// standIn reports whether a directory of a scratch tree stands for /etc/pve:
// it has something in it, which a mount point has not, or isn't there yet.
func standIn(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Type == unix.FUSE_SUPER_MAGIC {
		return errors.Is(err, fs.ErrNotExist)
	}
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

func newSlots(o Options, dir string, fresh func() ([]byte, error)) *slots {
	s := &slots{
		pve: o.PVE, at: o.Mount, dir: dir, run: o.Run, fresh: fresh, reserve: o.Reserve,
		limits: pveLimits, clock: sinceBoot, note: o.Note, usage: usageOf(o),
	}
	if s.reserve == 0 {
		s.reserve = 15 * time.Second
	}
	if s.at == nil {
		s.at = clusterfs.At(o.PVE, "")
	}
	if s.note == nil {
		s.note = func(string) {}
	}
	return s
}

// fresh is the table that a new ledger holds.
func fresh(cluster string) *lease.Table {
	t := lease.NewTable()
	t.Generation, t.Cluster = 1, cluster
	return t
}
