package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mount is the cluster file system, held by a descriptor of its root: nothing
// that goes through it can end up in the directory below, where any file would
// keep pmxcfs from starting.
type mount struct {
	*os.Root
	dir *os.File // the same directory, for calls that os.Root doesn't have
}

// openMount opens /etc/pve, or where it is in a scratch tree. It returns
// ErrUnmounted if that is an ordinary directory or none.
func openMount(pve string) (mount, error) {
	root, err := os.OpenRoot(pve)
	if errors.Is(err, fs.ErrNotExist) {
		return mount{}, unmounted(pve)
	}
	if err != nil {
		return mount{}, fmt.Errorf("the cluster file system cannot be opened: %w", err)
	}
	m := mount{Root: root}
	if m.dir, err = m.Open("."); err == nil {
		err = m.genuine()
	}
	if err == nil {
		return m, nil
	}
	m.Close()
	if errors.Is(err, ErrUnmounted) {
		return mount{}, unmounted(pve)
	}
	return mount{}, fmt.Errorf("the cluster file system cannot be opened: %w", err)
}

// Close closes both descriptors.
func (m mount) Close() error {
	err := m.Root.Close()
	if m.dir != nil {
		err = errors.Join(err, m.dir.Close())
	}
	return err
}

func unmounted(pve string) error {
	return fmt.Errorf("%w: %s is no pmxcfs; check the service pve-cluster", ErrUnmounted, pve)
}

// genuine returns nil if the root is that of a pmxcfs: a FUSE file system with
// the link that only pmxcfs can make (create_symlinks in pmxcfs.c), and
// ErrUnmounted if it certainly isn't.
func (m mount) genuine() error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(m.dir.Fd()), &st); err != nil {
		return err
	}
	info, err := m.Lstat("local")
	switch {
	case st.Type != unix.FUSE_SUPER_MAGIC, errors.Is(err, fs.ErrNotExist):
		return ErrUnmounted
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink == 0:
		return ErrUnmounted
	}
	return nil
}

// quorate reports whether the cluster accepts writes: without quorum pmxcfs
// takes the write bits from its links (cfs_plug_link_getattr). The kernel is
// told to ask; it would believe an answer of the last second. A file system
// that doesn't answer gets the benefit of the doubt.
func (m mount) quorate() bool {
	var st unix.Statx_t
	err := unix.Statx(int(m.dir.Fd()), "local", unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_FORCE_SYNC, unix.STATX_MODE, &st)
	return err != nil || st.Mode&0o200 != 0
}

// below is path relative to dir, if it lies below it.
func below(dir, path string) (rel string, ok bool) {
	rel, err := filepath.Rel(dir, path)
	return rel, err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, "../")
}
