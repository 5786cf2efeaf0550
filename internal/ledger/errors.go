package ledger

import (
	"errors"

	"pve-iplease/internal/clusterfs"
)

// What a caller may have to tell apart. Each error that the package returns
// says as well whether the old or the new state is stored.
var (
	// ErrDamaged means that what is stored is no ledger, or not the whole of one.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrNewer means that a newer version of the program wrote it.
	ErrNewer = errors.New("the ledger was written by a newer pve-iplease")
	// ErrForeign means that it belongs to another cluster than this node.
	ErrForeign = errors.New("the ledger belongs to another cluster")
	// ErrLocked means that the lock was not free before the time was up, or
	// was lost.
	ErrLocked = errors.New("the ledger is locked")
	// ErrNoQuorum means that the node has no quorum and /etc/pve is read-only.
	ErrNoQuorum = errors.New("no quorum")
	// ErrUnmounted means that /etc/pve is not the mounted cluster file system.
	ErrUnmounted = clusterfs.ErrUnmounted
	// ErrFull means that there is no room for what was to be stored.
	ErrFull = errors.New("no room for the ledger")
	// ErrUnknown means that writing broke off, and that it could not be read
	// back which of the old and the new state is stored; whoever reads next
	// will see the one or the other.
	ErrUnknown = errors.New("it is not known whether the ledger was changed")
)
