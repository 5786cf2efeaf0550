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

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/fastio"
	"pve-iplease/internal/pve"
)

// What a caller of ReadGuest and Replace may want to tell apart.
var (
	ErrNoGuest = error(noGuest{})
	ErrChanged = errors.New("guest config was changed by somebody else")
	// ErrOverwritten is an ErrChanged of a config that was written before.
	ErrOverwritten = fmt.Errorf("%w right after it was written", ErrChanged)
)

// noGuest is a config that isn't there, which may be pmxcfs's absence.
type noGuest struct{}

func (noGuest) Error() string { return "no such guest on this node" }

func (noGuest) Is(target error) bool { return target == fs.ErrNotExist }

// ReadGuest reads the config of a guest of this node; ErrNoGuest if there is
// none.
func (h *Host) ReadGuest(kind pve.Kind, id pve.VMID) ([]byte, error) {
	var data []byte
	err := h.pve.Steadily(context.Background(), func() (err error) {
		data, err = fastio.ReadDirect(h.guestPath(kind, id), make([]byte, 4<<10))
		return err
	})
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
func (h *Host) Replace(ctx context.Context, kind pve.Kind, id pve.VMID, old, content []byte) error {
	return h.replaceSteadily(ctx, kind, id, old, content, false)
}

// replaceSteadily goes on after a restart of pmxcfs; tried says that one has
// interrupted a try already, which may have done it.
func (h *Host) replaceSteadily(ctx context.Context, kind pve.Kind, id pve.VMID, old, content []byte, tried bool) error {
	return h.pve.Steadily(ctx, func() error {
		if tried && holds(h.guestPath(kind, id), content) == nil {
			return nil
		}
		tried = true
		return h.replace(ctx, kind, id, old, content)
	})
}

func (h *Host) replace(ctx context.Context, kind pve.Kind, id pve.VMID, old, content []byte) error {
	if _, err := h.writable(kind, id); err != nil {
		return err
	}
	path := h.guestPath(kind, id)
	sweep(path)
	if err := holds(path, old); err != nil {
		return fmt.Errorf("%s: %w", guestName(kind, id), err)
	}
	if bytes.Equal(old, content) {
		return nil
	}
	d, err := h.Draft(kind, id, content)
	if err != nil {
		return err
	}
	defer d.Discard()
	return d.put(ctx, old)
}

// Draft is a guest's next config, written and synced beside the present one:
// the slow part of Replace, which need not wait until it is known that the
// config will be needed. It is not kept open: that would keep a mount whose
// server has crashed from going away, and pmxcfs from coming back. Discard it in
// the end.
type Draft struct {
	host    *Host
	kind    pve.Kind
	id      pve.VMID
	path    string
	content []byte
	file    *renameio.PendingFile
}

// Draft writes the file. Hold the lock of LockGuest until it is discarded: who
// takes it next removes what lies beside the config.
func (h *Host) Draft(kind pve.Kind, id pve.VMID, content []byte) (*Draft, error) {
	d := &Draft{host: h, kind: kind, id: id, path: h.guestPath(kind, id), content: content}
	pmxcfs, err := h.writable(kind, id)
	if err != nil {
		return nil, err
	}
	if d.file, err = beside(d.path, pmxcfs); err != nil {
		return nil, d.failure(err)
	}
	if err = fill(d.file, content, d.path); err != nil {
		d.Discard()
		return nil, d.failure(err)
	}
	return d, nil
}

// writable refuses to write below /etc/pve while that isn't mounted, and tells
// whether it is pmxcfs.
func (h *Host) writable(kind pve.Kind, id pve.VMID) (pmxcfs bool, err error) {
	pmxcfs, ok := h.mounted()
	if ok {
		return pmxcfs, nil
	}
	return false, fmt.Errorf("config of %s stays as it was: %w; check the service pve-cluster", guestName(kind, id), clusterfs.ErrUnmounted)
}

// Discard removes the file unless it was put in place. What it cannot remove,
// the next run does.
func (d *Draft) Discard() { _ = d.file.Cleanup() }

// Put renames the draft into place, and reads it back; its errors are those of
// Replace.
func (d *Draft) Put(ctx context.Context, old []byte) error {
	err := d.put(ctx, old)
	if err == nil || !clusterfs.Disconnected(err) && !errors.Is(err, fs.ErrNotExist) { // the draft may be lost with its server
		return err
	}
	d.Discard()
	return d.host.replaceSteadily(ctx, d.kind, d.id, old, d.content, true)
}

func (d *Draft) put(ctx context.Context, old []byte) error {
	if err := place(ctx, d.file, d.path, d.content, func() error { return holds(d.path, old) }); err != nil {
		return d.failure(err)
	}
	switch err := holds(d.path, d.content); {
	case errors.Is(err, ErrChanged):
		return fmt.Errorf("%s: %w", guestName(d.kind, d.id), ErrOverwritten)
	case err != nil:
		return fmt.Errorf("%s, right after it was written: %w", guestName(d.kind, d.id), err)
	}
	return nil
}

// failure is an error after which the config is what it was, unless it says
// otherwise.
func (d *Draft) failure(err error) error {
	guest := guestName(d.kind, d.id)
	if errors.Is(err, ErrChanged) || errors.Is(err, ErrNoGuest) {
		return fmt.Errorf("%s: %w", guest, err)
	}
	if errors.Is(err, errUnsure) {
		return fmt.Errorf("config of %s: %w; look at it before you start the guest", guest, err)
	}
	return fmt.Errorf("config of %s stays as it was: %w%s", guest, err, d.host.advice(err))
}

// fill writes, syncs and closes a temporary file, with the owner of the file that
// it is to replace; like is that file's name, empty if there is none.
func fill(file *renameio.PendingFile, content []byte, like string) error {
	if _, err := file.Write(content); err != nil {
		return err
	}
	if like != "" {
		if err := keepOwner(file.File, like); err != nil {
			return err
		}
	}
	return errors.Join(file.Sync(), file.File.Close())
}

// place renames a temporary file into place. Writing it took a time in which
// Proxmox or an editor may have rewritten the old one, so that unchanged is
// asked just before. What the file system leaves open is found out.
func place(ctx context.Context, file *renameio.PendingFile, path string, content []byte, unchanged func() error) error {
	if err := unchanged(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := os.Rename(file.Name(), path)
	// A call that a signal interrupts is repeated by os.Rename, and finds its file
	// gone if it was done the first time.
	if (undecided(err) || errors.Is(err, fs.ErrNotExist)) && onFUSE(filepath.Dir(path)) {
		return settle(ctx, file.Name(), path, content, unchanged, err)
	}
	return err
}

// beside opens the temporary file in the same directory, where pmxcfs allows
// a rename from. pmxcfs gives every file the mode it wants and refuses others
// (0640 under nodes/), so there renameio must not chmod.
func beside(path string, pmxcfs bool) (*renameio.PendingFile, error) {
	mode := renameio.WithExistingPermissions()
	if pmxcfs {
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
	now, err := fastio.ReadDirect(path, make([]byte, len(content)+1))
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
