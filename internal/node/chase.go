package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links the kernel follows, too (path_resolution(7)).
const maxLinks = 40

// chase goes to where a file is, or is to be, and opens its directory. real is
// the way there without links. A link counts only where nobody could have made
// it but root or ourselves, and none is followed that comes in between.
func chase(path string) (dir int, real string, err error) {
	for range maxLinks {
		var link string
		if dir, link, err = descend(path); err != nil || link == "" {
			return dir, path, err
		}
		path = link
	}
	return -1, "", &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// descend opens the directory of a path. At a link it stops: link is the
// whole way through it, and nothing is open.
func descend(path string) (dir int, link string, err error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	dir, err = unix.Open("/", flags, 0)
	if err != nil {
		return -1, "", &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	steps := strings.Split(strings.Trim(filepath.Clean(path), "/"), "/")
	for i, step := range steps {
		at := "/" + strings.Join(steps[:i+1], "/")
		link, err = linkAt(dir, step, at)
		last := i == len(steps)-1
		if link != "" {
			link = filepath.Join(link, filepath.Join(steps[i+1:]...))
		}
		if err != nil || link != "" || last {
			break
		}
		next, oerr := unix.Openat(dir, step, flags, 0)
		if oerr != nil {
			err = &fs.PathError{Op: "open", Path: at, Err: oerr}
			break
		}
		_ = unix.Close(dir)
		dir = next
	}
	if err != nil || link != "" {
		_ = unix.Close(dir)
		return -1, link, err
	}
	return dir, "", nil
}

// linkAt is where a link leads, empty if a name is none. at is its path.
func linkAt(dir int, name, at string) (string, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return "", nil
	case err != nil:
		return "", &fs.PathError{Op: "stat", Path: at, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFLNK:
		return "", nil
	}
	var in unix.Stat_t
	if err := unix.Fstat(dir, &in); err != nil {
		return "", &fs.PathError{Op: "stat", Path: filepath.Dir(at), Err: err}
	}
	if !ownLink(in, st) {
		return "", fmt.Errorf("%s: %w: it is a link that others than root could have made; name the file that it leads to", at, ErrUntrusted)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: at, Err: err}
	}
	if to := string(buf[:n]); filepath.IsAbs(to) {
		return to, nil
	}
	return filepath.Join(filepath.Dir(at), string(buf[:n])), nil
}

// ownLink reports whether nobody but root or ourselves could have put a link
// into a directory. In a sticky one, like /tmp, its owner is who has.
func ownLink(dir, link unix.Stat_t) bool {
	ours := func(st unix.Stat_t) bool { return st.Uid == 0 || int(st.Uid) == os.Geteuid() }
	shared := dir.Mode&0o022 != 0
	return ours(dir) && (!shared || dir.Mode&unix.S_ISVTX != 0 && ours(link))
}

// owner is a file's user and group.
func owner(info fs.FileInfo) (ids [2]uint32) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		ids = [2]uint32{st.Uid, st.Gid}
	}
	return ids
}
