package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
)

// errUnsure means that a file was renamed into place or not, and that it can't
// be told which.
var errUnsure = errors.New("it is not known whether it was changed")

// undecided reports whether an error of pmxcfs leaves open whether a change was
// made, or is still on its way through the cluster (dcdb_send_fuse_message in
// dcdb.c). A server that has gone is waited for elsewhere.
func undecided(err error) bool {
	return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EIO)
}

// settle finds out what became of a rename of tmp to path that ended with an
// error of unknown outcome, and repeats it when it was not done. unchanged
// reports by its error whether the old file is still there as it was.
func settle(ctx context.Context, tmp, path string, content []byte, unchanged func() error, cause error) error {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err := flush(filepath.Dir(path))
		if err != nil && !undecided(err) { // the uppermost directory takes no time
			err = flush(path)
		}
		if err != nil {
			return fmt.Errorf("%w: %w; asking the cluster: %w", errUnsure, cause, err)
		}
		if holds(path, content) == nil {
			return nil
		}
		if err := unchanged(); err != nil && !hidden(tmp, path) {
			return err
		}
		if pause > time.Second || ctx.Err() != nil {
			return cause
		}
		time.Sleep(pause)
		// A draft that is gone is in place, though what was read was older.
		if cause = os.Rename(tmp, path); !undecided(cause) && !errors.Is(cause, fs.ErrNotExist) {
			return cause
		}
	}
}

// flush changes the time of a directory or file. On pmxcfs that goes through the cluster
// behind every change that this node has asked for before, so that what is read
// afterwards is final.
func flush(path string) (err error) {
	for pause := 10 * time.Millisecond; pause < time.Second; pause *= 2 {
		if err = os.Chtimes(path, time.Time{}, time.Now()); !undecided(err) {
			return err
		}
		time.Sleep(pause)
	}
	return err
}

// hidden reports whether the kernel has put the old file out of the way, since
// some process has it open, and no other has come into its place: under that
// name it vanishes with its last reader (fs/fuse, silly rename).
func hidden(tmp, path string) bool {
	_, err := os.Lstat(path)
	_, left := os.Lstat(tmp)
	names, _ := fastio.Names(filepath.Dir(path))
	return errors.Is(err, fs.ErrNotExist) && left == nil &&
		slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, ".fuse_hidden") })
}

// onFUSE reports whether a path lies on such a file system: on others an error
// says what is.
func onFUSE(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC
}
