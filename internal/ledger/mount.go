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
// keep pmxcfs from starting. It must not be kept while nothing is done: a
// pmxcfs that was killed can't unmount what is in use, nor start then.
type mount struct {
	fd    int
	dev   uint64 // the device that stat(2) gives for what is mounted
	files map[string]*os.File
}

// openMount opens /etc/pve, or where it is in a scratch tree. It returns
// ErrUnmounted if that is an ordinary directory or none. known is the device
// of a mount that was found to be pmxcfs, 0 for none: it needn't be asked
// again. Neither does opening ask it anything (O_PATH).
func openMount(pve string, known uint64) (*mount, error) {
	fd, err := uninterrupted(func() (int, error) {
		return unix.Open(pve, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unmounted(pve)
	}
	if err != nil {
		return nil, fmt.Errorf("the cluster file system cannot be opened: %w", named("open", pve, err))
	}
	st := remembered(fd)
	m := &mount{fd: fd, dev: unix.Mkdev(st.Dev_major, st.Dev_minor), files: map[string]*os.File{}}
	if known == 0 || m.dev != known {
		err = m.genuine()
	}
	if err == nil {
		return m, nil
	}
	m.close()
	if errors.Is(err, ErrUnmounted) {
		return nil, unmounted(pve)
	}
	return nil, fmt.Errorf("the cluster file system cannot be opened: %w", err)
}

// close closes all descriptors. On pmxcfs that tells of no error.
func (m *mount) close() {
	m.closeFiles()
	_ = unix.Close(m.fd)
}

func unmounted(pve string) error {
	return fmt.Errorf("%w: %s is no pmxcfs; check the service pve-cluster", ErrUnmounted, pve)
}

// genuine returns nil if the root is that of a pmxcfs: a FUSE file system with
// the link that only pmxcfs can make (create_symlinks in pmxcfs.c), and
// ErrUnmounted if it certainly isn't.
func (m *mount) genuine() error {
	var st unix.Statfs_t
	if _, err := uninterrupted(func() (int, error) { return 0, unix.Fstatfs(m.fd, &st) }); err != nil {
		return named("statfs", ".", err)
	}
	local, err := m.stat("local")
	switch {
	case st.Type != unix.FUSE_SUPER_MAGIC, errors.Is(err, fs.ErrNotExist):
		return ErrUnmounted
	case err != nil:
		return err
	case local.Mode&unix.S_IFMT != unix.S_IFLNK:
		return ErrUnmounted
	}
	return nil
}

// quorate reports whether the cluster accepts writes: without quorum pmxcfs
// takes the write bits from its links (cfs_plug_link_getattr). A file system
// that doesn't answer gets the benefit of the doubt.
func (m *mount) quorate() bool {
	local, err := m.stat("local")
	return err != nil || local.Mode&0o200 != 0
}

// below is path relative to dir, if it lies below it.
func below(dir, path string) (rel string, ok bool) {
	rel, err := filepath.Rel(dir, path)
	return rel, err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, "../")
}
