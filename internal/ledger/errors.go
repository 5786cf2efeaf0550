package ledger

import "errors"

// What a caller may have to tell apart. Each error that the package returns
// says as well whether the old or the new state is stored.
var (
	// ErrDamaged: what is stored is no ledger, or not the whole of one.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrNewer: a newer version of the program wrote it.
	ErrNewer = errors.New("the ledger was written by a newer pve-iplease")
	// ErrForeign: it belongs to another cluster than this node.
	ErrForeign = errors.New("the ledger belongs to another cluster")
	// ErrLocked: the lock was not free before the context ended.
	ErrLocked = errors.New("the ledger is locked")
	// ErrNoQuorum: the node has no quorum and /etc/pve is read-only.
	ErrNoQuorum = errors.New("no quorum")
	// ErrUnmounted: /etc/pve is not the mounted cluster file system.
	ErrUnmounted = errors.New("/etc/pve is not mounted")
	// ErrFull: there is no room for what was to be stored.
	ErrFull = errors.New("no room for the ledger")
	// ErrUnknown: writing broke off, and neither the old nor the new state
	// could be read back; whoever reads next will see the one or the other.
	ErrUnknown = errors.New("it is not known whether the ledger was changed")
)
