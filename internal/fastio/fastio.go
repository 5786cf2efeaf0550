// Package fastio reads small files and directories in as few system calls as
// there can be. A start reads every guest's config, and for each the standard
// library first asks the kernel, with five calls, whether the file can be
// polled. It can't.
package fastio

import (
	"errors"
	"io/fs"
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

// ReadFile is os.ReadFile for files that never block: ordinary ones, those of
// FUSE and of /proc. A named pipe is read as empty. Errors are *fs.PathError.
func ReadFile(path string) ([]byte, error) { return ReadFileAt(unix.AT_FDCWD, path) }

// ReadFileAt reads a file whose path begins at an open directory (openat(2)).
func ReadFileAt(dir int, path string) ([]byte, error) {
	fd, err := open(dir, path, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	return ReadAll(fd, path)
}

// chunk holds most guests' configs, and the end of the file with them.
const chunk = 2048

// ReadAll reads a descriptor to its end; name is for the error.
func ReadAll(fd int, name string) ([]byte, error) {
	return readOn(fd, name, make([]byte, 0, chunk), math.MaxInt)
}

// readOn reads a descriptor to its end, behind what data has of it. More than
// most bytes are EFBIG.
func readOn(fd int, name string, data []byte, most int) ([]byte, error) {
	for len(data) <= most {
		if len(data) == cap(data) {
			data = slices.Grow(data, max(chunk, 3*len(data)))
		}
		n, err := read(fd, data[len(data):cap(data)])
		switch {
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: name, Err: err}
		case n == 0:
			return data, nil
		}
		data = data[:len(data)+n]
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: unix.EFBIG}
}

// Most is the size of a file that ReadDirect reads at most: pmxcfs takes none
// that is larger (MEMDB_MAX_FILE_SIZE in memdb.h).
const Most = 1 << 20

// ReadDirect is ReadFile for a file whose every read is answered by the file
// system itself, as on pmxcfs (direct_io), or an ordinary one: a read that
// doesn't fill buf, where the content begins, isn't asked again whether that was
// the end. A file of more than Most bytes is EFBIG.
func ReadDirect(path string, buf []byte) ([]byte, error) {
	fd, err := open(unix.AT_FDCWD, path, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	n, err := read(fd, buf)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	case n < len(buf):
		return buf[:n], nil
	}
	return ReadMost(fd, path, append(make([]byte, 0, 4*n), buf...))
}

// ReadMost reads a descriptor to its end, behind what data has of it; name is
// for the error. More than Most bytes are EFBIG.
func ReadMost(fd int, name string, data []byte) ([]byte, error) {
	return readOn(fd, name, data, Most)
}

// Names lists a directory, in no order, without "." and "..".
func Names(path string) ([]string, error) {
	fd, err := open(unix.AT_FDCWD, path, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	return NamesOf(fd, path)
}

// NamesOf lists an open directory; name is for the error.
func NamesOf(fd int, name string) (names []string, err error) {
	buf := make([]byte, 8<<10)
	for {
		n, err := unix.ReadDirent(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "readdirent", Path: name, Err: err}
		case n <= 0:
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// Open opens a file for reading; with a named pipe it doesn't wait for a writer.
// Close the descriptor with unix.Close. Errors are *fs.PathError.
func Open(path string) (fd int, err error) { return open(unix.AT_FDCWD, path, 0) }

func open(dir int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|flags, 0)
		switch {
		case err == nil:
			return fd, nil
		case !errors.Is(err, unix.EINTR): // FUSE is interrupted by signals
			return -1, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

func read(fd int, buf []byte) (int, error) {
	for {
		n, err := unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
