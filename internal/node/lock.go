package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"pve-iplease/internal/pve"
)

// ErrLocked means that a process which is no ancestor of ours holds Proxmox's
// lock on a guest's config.
var ErrLocked = errors.New("guest config is locked")

// lockRetry is how often a busy lock is tried again. Proxmox's tasks hold it
// for seconds, so the delay is not felt.
const lockRetry = 20 * time.Millisecond

// LockGuest takes the lock that Proxmox's tasks hold on a container's config,
// an exclusive flock on /run/lock/lxc/pve-config-<vmid>.lock
// (PVE::LXC::Config::config_file_lock, PVE::Tools::lock_file_full). A hook
// usually runs under a task that has it: held by an ancestor it is relied
// upon, and unlock does nothing. A stranger's lock is waited for until the
// patience or ctx ends; then the error is ErrLocked and names the holder.
// Under the lock it removes what killed runs have left beside the config.
func (h *Host) LockGuest(ctx context.Context, id pve.VMID, patience time.Duration) (unlock func(), err error) {
	path := h.Path("/run/lock/lxc/pve-config-" + id.String() + ".lock")
	// Directory and modes are Proxmox's, so that it finds its own.
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("lock of CT %s: %w", id, err)
	}
	unlock, err = acquire(ctx, flock.New(path, flock.SetPermissions(0o644)), patience)
	if err != nil {
		return nil, fmt.Errorf("CT %s: %w", id, err)
	}
	sweep(h.guestPath(pve.Container, id))
	return unlock, nil
}

func acquire(ctx context.Context, lock *flock.Flock, patience time.Duration) (func(), error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		ok, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if ok {
			return func() { _ = lock.Unlock() }, nil
		}
		holder := findHolder(lock.Path())
		if holder.ancestor() {
			return func() {}, nil
		}
		select {
		case <-wait.Done():
			return nil, refused(ctx, holder)
		case <-time.After(lockRetry):
		}
	}
}

// refused says who has the lock, and apart from that whether the caller was
// told to stop.
func refused(ctx context.Context, by holder) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w by %s: %w", ErrLocked, by, context.Cause(ctx))
	}
	return fmt.Errorf("%w by %s; try again when that is done", ErrLocked, by)
}
