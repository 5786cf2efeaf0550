package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
)

// What a caller of ReadGuest and Replace may want to tell apart.
var (
	ErrNoGuest = errors.New("no such guest on this node")
	ErrChanged = errors.New("guest config was changed by somebody else")
)

// ReadGuest reads the config of a guest of this node; ErrNoGuest if there is
// none.
func (h *Host) ReadGuest(kind lease.Kind, id lease.VMID) ([]byte, error) {
	data, err := fastio.ReadFile(h.guestPath(kind, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", guestName(kind, id), ErrNoGuest)
	}
	if err != nil {
		return nil, fmt.Errorf("config of %s: %w", guestName(kind, id), err)
	}
	return data, nil
}

// Replace writes a guest's config as Proxmox does, a temporary file beside it
// and a rename, and reads it back. It does so only while the file still holds
// old: otherwise, and if somebody else wrote over it at once, the error is
// ErrChanged. A guest that is gone is ErrNoGuest. After any other error the
// file is as it was. Hold the lock of LockGuest meanwhile.
func (h *Host) Replace(ctx context.Context, kind lease.Kind, id lease.VMID, old, content []byte) error {
	path := h.guestPath(kind, id)
	if !h.Mounted() {
		return fmt.Errorf("config of %s stays as it was: %s is not mounted; check the service pve-cluster",
			guestName(kind, id), h.Path("/etc/pve"))
	}
	sweep(path)
	if err := holds(path, old); err != nil {
		return fmt.Errorf("%s: %w", guestName(kind, id), err)
	}
	if bytes.Equal(old, content) {
		return nil
	}
	err := h.swap(ctx, path, old, content)
	switch {
	case errors.Is(err, ErrChanged), errors.Is(err, ErrNoGuest):
		return fmt.Errorf("%s: %w", guestName(kind, id), err)
	case err != nil:
		return fmt.Errorf("config of %s stays as it was: %w%s", guestName(kind, id), err, h.advice(err))
	}
	if err := holds(path, content); err != nil {
		return fmt.Errorf("%s, right after it was written: %w", guestName(kind, id), err)
	}
	return nil
}

// swap puts a guest's new config in the place of the old one.
func (h *Host) swap(ctx context.Context, path string, old, content []byte) error {
	file, err := h.beside(path)
	if err != nil {
		return err
	}
	return exchange(ctx, file, content, path, func() error { return holds(path, old) })
}

// exchange fills a temporary file and renames it into place, with the owner of
// the file that it replaces; like is that file's name, empty if there is none.
// Writing and syncing takes milliseconds, in which Proxmox or an editor may
// rewrite the old one, so that unchanged is asked just before the rename.
func exchange(ctx context.Context, file *renameio.PendingFile, content []byte, like string, unchanged func() error) error {
	defer func() { _ = file.Cleanup() }() // what it cannot remove, sweep does next time
	if _, err := file.Write(content); err != nil {
		return err
	}
	if like != "" {
		if err := keepOwner(file.File, like); err != nil {
			return err
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := unchanged(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return file.CloseAtomicallyReplace()
}

// beside opens the temporary file in the same directory, where pmxcfs allows
// a rename from. pmxcfs gives every file the mode it wants and refuses others
// (0640 under nodes/), so there renameio must not chmod.
func (h *Host) beside(path string) (*renameio.PendingFile, error) {
	mode := renameio.WithExistingPermissions()
	if h.OnPmxcfs() {
		mode = renameio.WithPermissions(0o640)
	}
	return renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), mode)
}

// keepOwner gives the new file the old one's owner and group. On pmxcfs, where
// chown fails, they never differ.
func keepOwner(file *os.File, path string) error {
	var was, is unix.Stat_t
	if err := unix.Stat(path, &was); err != nil {
		if err == unix.ENOENT {
			return ErrNoGuest
		}
		return fmt.Errorf("stat %s: %w", path, err)
	}
	if err := unix.Fstat(int(file.Fd()), &is); err != nil {
		return fmt.Errorf("stat %s: %w", file.Name(), err)
	}
	if was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	return file.Chown(int(was.Uid), int(was.Gid))
}

// holds reports by its error whether a file has exactly this content.
func holds(path string, content []byte) error {
	now, err := fastio.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrNoGuest
	case err != nil:
		return err
	case !bytes.Equal(now, content):
		return ErrChanged
	}
	return nil
}

// advice is the next step after an error of the file system.
func (h *Host) advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "; make room there and try again"
	case errors.Is(err, syscall.EROFS):
		return "; that file system is read-only, look into the kernel log why"
	case errors.Is(err, fs.ErrPermission) && h.OnPmxcfs():
		return "; the cluster has probably lost its quorum, ask 'pvecm status'"
	case errors.Is(err, fs.ErrPermission):
		return "; run this as root on the node"
	}
	return ""
}
