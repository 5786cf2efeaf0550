package fastio

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Dir remembers the directory that was used last, so that the kernel need not
// walk the way to it for each of its files. The zero value remembers none.
type Dir struct {
	path string
	fd   int
}

// Stat is stat(2) of a file in a directory. Errors are *fs.PathError.
func (d *Dir) Stat(path, name string, st *unix.Stat_t) error {
	if d.path != path {
		d.Close()
		fd, err := open(unix.AT_FDCWD, path, unix.O_DIRECTORY|unix.O_PATH)
		if err != nil {
			return err
		}
		d.path, d.fd = path, fd
	}
	if err := unix.Fstatat(d.fd, name, st, 0); err != nil {
		return &fs.PathError{Op: "stat", Path: path + "/" + name, Err: err}
	}
	return nil
}

// Close forgets the directory.
func (d *Dir) Close() {
	if d.path != "" {
		_ = unix.Close(d.fd)
	}
	d.path = ""
}
