package node

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/clusterfs"
)

// Mounted reports whether /etc/pve is there to be written: pmxcfs, or under a
// root directory also an ordinary one. Writing below an unmounted /etc/pve
// would keep pmxcfs from starting.
func (h *Host) Mounted() bool {
	_, ok := h.mounted()
	return ok
}

// mounted also tells which of the two it is, at the price of one.
func (h *Host) mounted() (pmxcfs, ok bool) {
	if h.OnPmxcfs() {
		info, err := os.Lstat(h.Path("/etc/pve/local"))
		return true, err == nil && info.Mode()&fs.ModeSymlink != 0
	}
	info, err := os.Stat(h.Path("/etc/pve"))
	return false, h.root != "" && err == nil && info.IsDir()
}

// Quorate reports whether the cluster accepts writes: pmxcfs takes the
// owner's write bit from its own link while it has no quorum
// (PVE::Cluster::check_cfs_quorum). An ordinary directory is always quorate.
// It can block for as long as pmxcfs does.
func (h *Host) Quorate() (ok bool, err error) {
	err = h.pve.Steadily(context.Background(), func() error {
		ok, err = h.quorate()
		return err
	})
	return ok, err
}

func (h *Host) quorate() (bool, error) {
	if !h.Mounted() {
		return false, fmt.Errorf("%w; check the service pve-cluster", clusterfs.ErrUnmounted)
	}
	if !h.OnPmxcfs() {
		return true, nil
	}
	var st unix.Statx_t
	const now = unix.AT_STATX_FORCE_SYNC | unix.AT_SYMLINK_NOFOLLOW // the kernel may keep the mode for a second
	if err := unix.Statx(unix.AT_FDCWD, h.Path("/etc/pve/local"), now, unix.STATX_MODE, &st); err != nil {
		return false, fmt.Errorf("asking pmxcfs for quorum: %w", err)
	}
	return st.Mode&0o200 != 0, nil
}

// OnPmxcfs reports whether a FUSE file system is mounted on /etc/pve.
func (h *Host) OnPmxcfs() bool {
	var st unix.Statfs_t
	return unix.Statfs(h.Path("/etc/pve"), &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC
}
