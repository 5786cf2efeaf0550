package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// file is the store on a file system with an atomic rename: a directory with
// the files ledger and lock.
type file struct {
	dir   string
	fresh func() ([]byte, error) // what a new ledger holds
	usage usage
}

func (f *file) ledger() string { return filepath.Join(f.dir, "ledger") }

func (f *file) Read(context.Context) ([]Slot, error) {
	data, err := os.ReadFile(f.ledger())
	if err == nil {
		return []Slot{{Name: f.ledger(), Data: data, Exact: true}}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the ledger cannot be read: %w", explain(err))
	}
	if _, err := os.Stat(f.dir); errors.Is(err, fs.ErrNotExist) && !f.usage.known() {
		return nil, nil
	}
	return []Slot{{Name: f.ledger(), Missing: true}}, nil
}

func (f *file) large() bool {
	info, err := os.Stat(f.ledger())
	return err == nil && info.Size() >= large
}

func (f *file) Lock(ctx context.Context) (Writer, error) {
	q := NewQueue(ctx, 0)
	q.alive = true
	lock, err := lockFile(ctx, filepath.Join(f.dir, "lock"), q)
	for errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		if err := f.create(); err != nil {
			return nil, fmt.Errorf("the ledger cannot be created: %w", explain(err))
		}
		lock, err = lockFile(ctx, filepath.Join(f.dir, "lock"), q)
	}
	if err != nil {
		return nil, explain(err)
	}
	f.tidy()
	return &fileWriter{f, lock}, nil
}

// fileWriter holds the flock.
type fileWriter struct {
	*file
	lock *flock.Flock
}

func (w *fileWriter) Write(_ context.Context, _ []Slot, _ int, data []byte) error {
	err := w.replace(data)
	if err == nil {
		w.usage.remember()
		return nil
	}
	now, rerr := os.ReadFile(w.ledger())
	switch {
	case rerr != nil:
		return fmt.Errorf("%w: writing: %w; reading it back: %w", ErrUnknown, explain(err), rerr)
	case bytes.Equal(now, data):
		return nil
	}
	return untouched(fmt.Errorf("the ledger cannot be written: %w", explain(err)))
}

// replace renames a synced file over the ledger.
func (w *fileWriter) replace(data []byte) error {
	p, err := renameio.NewPendingFile(w.ledger(), renameio.WithTempDir(w.dir), renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	if _, err = p.Write(data); err == nil {
		err = p.CloseAtomicallyReplace()
	}
	if err != nil {
		return errors.Join(err, p.Cleanup())
	}
	return nil
}

func (w *fileWriter) Keep(_ context.Context, _ int, suffix string) error {
	data, err := os.ReadFile(w.ledger())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(w.ledger()+"."+suffix, data, 0o600)
}

func (w *fileWriter) Unlock() error { return w.lock.Close() }

// tidy removes what killed processes left behind; with the lock held nobody
// uses it.
func (f *file) tidy() {
	sweep(f.dir, ".ledger")
	sweep(filepath.Dir(f.dir), f.newPrefix())
}

// sweep removes the entries of a directory that begin with prefix. Whatever
// hinders it will hinder the next writer less than a failed start would.
func sweep(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
