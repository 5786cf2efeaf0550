package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// WriteOutput replaces a file that a person named, or makes it, in one step:
// whoever reads it never sees a part. Owner and mode stay. It may lie in a
// directory of somebody else's, like that of a monitoring program, whose links
// are not followed: they could lead root astray.
func (h *Host) WriteOutput(ctx context.Context, path string, content []byte) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	fd, real, err := chase(path)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	pve := h.Path("/etc/pve")
	within := strings.HasPrefix(real, pve+"/")
	if within && !h.Mounted() {
		return fmt.Errorf("%s is not mounted; check the service pve-cluster", pve)
	}
	dir, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := put(ctx, dir, filepath.Base(real), content, within && h.OnPmxcfs()); err != nil {
		return fmt.Errorf("%s stays as it was: %w%s", real, err, h.advice(err))
	}
	return nil
}

// put writes a temporary file into a directory and renames it. pmxcfs gives
// every file the mode it wants and refuses others.
func put(ctx context.Context, dir *os.Root, name string, content []byte, pmxcfs bool) error {
	old, err := dir.Lstat(name)
	mode := renameio.WithExistingPermissions()
	if pmxcfs {
		mode = renameio.WithPermissions(0o640)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !pmxcfs:
		mode = renameio.WithPermissions(0o644)
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return errors.New("it is no regular file")
	}
	leftovers(dir, name)
	file, err := renameio.NewPendingFile(name, renameio.WithRoot(dir), mode)
	if err != nil {
		return err
	}
	defer func() { _ = file.Cleanup() }() // what it cannot remove goes next time
	if _, err := file.Write(content); err != nil {
		return err
	}
	if old != nil && !pmxcfs {
		if err := sameOwner(file.File, old); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err = file.CloseAtomicallyReplace(); undecided(err) { // on pmxcfs it may have been done
		if now, rerr := dir.ReadFile(name); rerr == nil && bytes.Equal(now, content) {
			return nil
		}
	}
	return err
}

// sameOwner gives a file the owner and group of the one that it replaces.
func sameOwner(file *os.File, old fs.FileInfo) error {
	is, err := file.Stat()
	if err != nil {
		return err
	}
	a, b := owner(is), owner(old)
	if a == b {
		return nil
	}
	return file.Chown(int(b[0]), int(b[1]))
}

// leftovers removes what killed runs have left beside a file.
func leftovers(dir *os.Root, name string) {
	list, err := dir.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = list.Close() }()
	names, _ := list.Readdirnames(-1)
	for _, n := range names {
		if isLeftover(n, name) {
			_ = dir.Remove(n)
		}
	}
}
