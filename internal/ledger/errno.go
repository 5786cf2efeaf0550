package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"pve-iplease/internal/clusterfs"
)

// decided reports whether an error of pmxcfs means that a change was not made
// and won't be. All others (EBUSY, EPERM, EIO, ENOTCONN, ECONNABORTED) are
// given while the change may be on its way through the cluster
// (dcdb_send_fuse_message in dcdb.c, dfsm_send_message_sync in dfsm.c).
func decided(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EACCES, syscall.EEXIST, syscall.ENOENT, syscall.ENOTDIR, syscall.ENOTEMPTY, syscall.EISDIR,
		syscall.EFBIG, syscall.ENOSPC, syscall.EROFS, syscall.ENAMETOOLONG, syscall.EMFILE, syscall.ENFILE,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// disconnected reports whether the file system's server went away.
func disconnected(err error) bool {
	return clusterfs.Disconnected(err) || errors.Is(err, ErrUnmounted)
}

// explain says what to do about errors that an administrator can help.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; that file system is read-only, look into the kernel log why", err)
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return fmt.Errorf("%w; run it as root", err)
	}
	return err
}

// explainPVE is explain for pmxcfs, which refuses root only without quorum.
func explainPVE(err error) error {
	if errors.Is(err, syscall.EACCES) && os.Geteuid() == 0 {
		return fmt.Errorf("%w: %w; check 'pvecm status'", ErrNoQuorum, err)
	}
	return explain(err)
}
