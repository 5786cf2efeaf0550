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
)

// ErrFileChanged means that a file no longer holds what it did when it was
// read; read it again and decide again.
var ErrFileChanged = errors.New("it was changed by somebody else meanwhile")

// ReplaceFile writes a configuration file, a temporary one beside it and a
// rename, and reads it back; owner and mode stay. It does so only while the
// file still holds old; nil means that there must be none, and makes it with
// its directory. After an error that does not say otherwise the file is as it
// was. Two processes of ours must keep away from each other by a lock.
func (h *Host) ReplaceFile(ctx context.Context, path string, old, content []byte) error {
	path, err := h.destination(path)
	if err == nil {
		sweep(path)
		err = h.swapFile(ctx, path, old, content)
	}
	if err == nil {
		return nil
	}
	now, rerr := readOrNil(path)
	switch {
	case rerr != nil:
		return fmt.Errorf("%s: %w; whether it was changed is not known: %w", path, err, rerr)
	case now != nil && bytes.Equal(now, content): // pmxcfs gives errors of unknown outcome
		return nil
	case errors.Is(err, ErrFileChanged), errors.Is(err, errUnsure):
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("%s stays as it was: %w%s", path, err, h.advice(err))
}

// destination is where the file really lies, behind symbolic links. Below
// /etc/pve nothing is ever written while that isn't mounted.
func (h *Host) destination(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	pve := h.Path("/etc/pve")
	if strings.HasPrefix(path, pve+"/") && !h.Mounted() {
		return path, fmt.Errorf("%s is not mounted; check the service pve-cluster", pve)
	}
	return path, nil
}

// swapFile puts new content in the place of the old, or of nothing.
func (h *Host) swapFile(ctx context.Context, path string, old, content []byte) error {
	if err := stillHolds(path, old); err != nil {
		return err
	}
	mode, like := renameio.WithExistingPermissions(), path
	if old == nil {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		mode, like = renameio.WithPermissions(0o644), ""
	}
	if h.OnPmxcfs() && strings.HasPrefix(path, h.Path("/etc/pve")+"/") {
		mode = renameio.WithPermissions(0o640)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), mode)
	if err != nil {
		return err
	}
	defer func() { _ = file.Cleanup() }() // what it cannot remove, sweep does next time
	if err := fill(file, content, like); err != nil {
		return err
	}
	return place(ctx, file, path, content, func() error { return stillHolds(path, old) })
}

// readOrNil reads a file; nil if there is none.
func readOrNil(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && data == nil:
		data = []byte{}
	}
	return data, err
}

// stillHolds compares a file with what it was, and tells an empty one from
// none.
func stillHolds(path string, old []byte) error {
	now, err := readOrNil(path)
	if err == nil && ((now == nil) != (old == nil) || !bytes.Equal(now, old)) {
		return ErrFileChanged
	}
	return err
}
