package ledger

import (
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// beneath opens a file below a directory, never one that a link leads to, nor
// one outside.
func beneath(dir int, name string, flags int, mode uint32) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags), Mode: uint64(mode), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	fd, err := uninterrupted(func() (int, error) { return unix.Openat2(dir, name, &how) })
	if errors.Is(err, unix.ENOSYS) {
		return stepwise(dir, name, flags, mode)
	}
	return fd, err
}

// stepwise is beneath with openat(2) alone. A service with systemd's
// RestrictSUIDSGID= has no openat2: a filter can't look at its mode
// (seccomp_restrict_suid_sgid in seccomp-util.c).
func stepwise(dir int, name string, flags int, mode uint32) (int, error) {
	if !filepath.IsLocal(name) && name != "" {
		return -1, unix.EXDEV
	}
	at := dir
	for {
		step, rest, more := strings.Cut(name, "/")
		next := func() (int, error) { return unix.Openat(at, step, flags|unix.O_NOFOLLOW, mode) }
		if more {
			next = func() (int, error) { return unix.Openat(at, step, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0) }
		}
		fd, err := uninterrupted(next)
		if at != dir {
			_ = unix.Close(at)
		}
		if err == nil && more && isLink(fd) {
			_ = unix.Close(fd)
			err = unix.ELOOP
		}
		if err != nil || !more {
			return fd, err
		}
		at, name = fd, rest
	}
}

// isLink reports whether a descriptor is that of a symbolic link itself.
func isLink(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK
}
