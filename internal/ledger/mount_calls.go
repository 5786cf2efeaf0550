package ledger

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// uninterrupted repeats a call that a signal interrupted: Go sends itself
// signals, and FUSE is interrupted by them.
func uninterrupted(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// named gives a call's error its name and path.
func named(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// stat is statx(2) of what has this name, be it a link. The kernel is told to
// ask; it would believe an answer of the last second.
func (m *mount) stat(name string) (st unix.Statx_t, err error) {
	_, err = uninterrupted(func() (int, error) {
		return 0, unix.Statx(m.fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &st)
	})
	return st, named("statx", name, err)
}

// remembered is what the kernel knows of a descriptor without asking pmxcfs,
// nothing if it doesn't know: the device for sure, the size as it was once.
func remembered(fd int) (st unix.Statx_t) {
	_ = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_SIZE, &st)
	return st
}

// mkdir isn't repeated: the directory may have been made, and the caller has
// to know that it is in doubt.
func (m *mount) mkdir(name string) error {
	return named("mkdir", name, unix.Mkdirat(m.fd, name, 0o700))
}

// mkdirAll makes a directory and those that it is in, if they are missing.
func (m *mount) mkdirAll(name string) error {
	err := m.mkdir(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = m.mkdirAll(filepath.Dir(name)); err == nil {
			err = m.mkdir(name)
		}
	}
	return ignoreExisting(err)
}

// remove removes a file, or with AT_REMOVEDIR a directory.
func (m *mount) remove(name string, flags int) error {
	_, err := uninterrupted(func() (int, error) { return 0, unix.Unlinkat(m.fd, name, flags) })
	return named("unlink", name, err)
}

// touch sets the times of what has this name.
func (m *mount) touch(name string, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	_, err := uninterrupted(func() (int, error) {
		return 0, unix.UtimesNanoAt(m.fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
	return named("utimes", name, err)
}
