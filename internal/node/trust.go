package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
)

// ErrUntrusted means that somebody else could have written a file.
var ErrUntrusted = errors.New("file is not trusted")

// ReadTrusted reads a configuration file, which decides what root does next,
// and so refuses one that anybody but root can write; when we are not root,
// ourselves are allowed too. The path is taken as it is: put the root
// directory in front with Path. A missing file is fs.ErrNotExist.
func (h *Host) ReadTrusted(path string) (data []byte, err error) {
	if !strings.HasPrefix(path, h.Path("/etc/pve")+"/") {
		return h.readTrusted(path)
	}
	err = h.pve.Steadily(context.Background(), func() error {
		data, err = h.readTrusted(path)
		return err
	})
	return data, err
}

func (h *Host) readTrusted(path string) ([]byte, error) {
	file, err := fastio.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(file) }()
	var st unix.Stat_t // of what is open, not of what the name means by then
	if err := unix.Fstat(file, &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(file))
	if err != nil {
		return nil, err
	}
	if err := trust(path, target, &st); err != nil {
		return nil, err
	}
	return fastio.ReadAll(file, path)
}

// Trust refuses a file that anybody but root can write, as ReadTrusted does,
// and leaves it unread.
func (h *Host) Trust(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return trust(path, target, &st)
}

// trust judges a file, and the directory that it really lies in.
func trust(path, target string, st *unix.Stat_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%s: %w: it is no regular file", path, ErrUntrusted)
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: %w: it belongs to user %d; run 'chown root %s'", path, ErrUntrusted, st.Uid, path)
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("%s: %w: others can write it (mode %04o); run 'chmod go-w %s'",
			path, ErrUntrusted, st.Mode&0o777, path)
	}
	return trustDirectory(path, filepath.Dir(target))
}

// trustDirectory refuses a directory in which others can put another file
// under the name. A sticky one, like /tmp, protects what is in it.
func trustDirectory(path, dir string) error {
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
