package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrUntrusted means that somebody else could have written a file.
var ErrUntrusted = errors.New("file is not trusted")

// ReadTrusted reads a configuration file, which decides what root does next,
// and so refuses one that anybody but root can write; when we are not root,
// ourselves are allowed too. The path is taken as it is: put the root
// directory in front with Path. A missing file is fs.ErrNotExist.
func (h *Host) ReadTrusted(path string) ([]byte, error) {
	// Without O_NONBLOCK a named pipe would hang the start of a container.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat() // of what is open, not of what the name means by then
	if err != nil {
		return nil, err
	}
	if err := trust(path, info); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// Trust refuses a file that anybody but root can write, as ReadTrusted does,
// and leaves it unread.
func (h *Host) Trust(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return trust(path, info)
}

func trust(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: %w: it is no regular file", path, ErrUntrusted)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 && int(uid) != os.Geteuid() {
		return fmt.Errorf("%s: %w: it belongs to user %d; run 'chown root %s'", path, ErrUntrusted, uid, path)
	}
	if info.Mode()&0o022 != 0 {
		return fmt.Errorf("%s: %w: others can write it (mode %04o); run 'chmod go-w %s'",
			path, ErrUntrusted, info.Mode().Perm(), path)
	}
	return trustDirectory(path)
}

// trustDirectory refuses a directory in which others can put another file
// under the name. A sticky one, like /tmp, protects what is in it.
func trustDirectory(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s: %w: others can write its directory (mode %04o); run 'chmod go-w %s'",
			path, ErrUntrusted, info.Mode().Perm(), dir)
	}
	return nil
}
