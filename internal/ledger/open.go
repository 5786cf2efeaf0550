package ledger

import (
	"time"

	"pve-iplease/internal/lease"
)

// Options say where a ledger is and whose.
type Options struct {
	Dir     string // its own directory, by default /etc/pve/priv/pve-iplease
	PVE     string // where the cluster file system is mounted, /etc/pve
	Run     string // the node's volatile directory for locks, /run/pve-iplease
	Scratch bool   // the paths lie in a scratch tree, where /etc/pve may be a plain directory
	Cluster string // name of the cluster this node is in, empty without one

	// Reserve is how much of a context's time must be left for a call that
	// may block for as long as the cluster decides about its quorum; 0 means
	// 15 seconds. The time for an update must be longer.
	Reserve time.Duration
	// Note, if set, gets one sentence about each thing that an administrator
	// should know although the call went well.
	Note func(string)
}

// Open finds out by the file system which form the ledger has: two slots on
// the cluster file system, one file elsewhere. It creates nothing. It returns
// ErrUnmounted when the ledger lies below PVE, nothing is mounted there, and
// the tree is no scratch tree.
func Open(o Options) (*Ledger, error) {
	fresh, err := encode(fresh(o.Cluster))
	if err != nil {
		return nil, err
	}
	l := New(NewFile(o.Dir, fresh), o.Cluster)
	if o.Note != nil {
		l.note = o.Note
	}
	return l, nil
}

// fresh is the table that a new ledger holds.
func fresh(cluster string) *lease.Table {
	t := lease.NewTable()
	t.Generation, t.Cluster = 1, cluster
	return t
}
