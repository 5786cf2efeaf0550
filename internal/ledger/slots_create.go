package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// prepare brings the first use to its end, if nobody did. The second slot is
// written to when it has come there.
func (h *held) prepare(ctx context.Context) error {
	if second, err := h.stat(h.slot(1)); err == nil && second.Size > 0 {
		return nil
	}
	first, err := h.stat(h.slot(0))
	if err != nil || first.Size == 0 {
		found, err := h.loadAgain(ctx)
		if err != nil {
			return fmt.Errorf("the ledger cannot be read: %w", err)
		}
		if found == nil {
			return h.found(ctx)
		}
		if err := h.insist(ctx, func(m *mount) error { return m.mkdirAll(h.dir) }); err != nil {
			return fmt.Errorf("the directory of a ledger that is gone cannot be made again: %w", explainPVE(err))
		}
	}
	if _, left := h.stat(h.begun()); left == nil {
		return h.insist(ctx, h.finish)
	}
	return nil
}

// stat asks about a file.
func (h *held) stat(name string) (st unix.Statx_t, err error) {
	err = h.on(func(m *mount) error {
		st, err = m.stat(name)
		return err
	})
	return st, err
}

// found makes the ledger. pmxcfs cannot rename a directory with files in it,
// so it appears in steps, and whoever dies on the way leaves a state that
// unfinished recognises.
func (h *held) found(ctx context.Context) error {
	steps := []func(*mount) error{
		func(m *mount) error { return m.mkdirAll(filepath.Dir(h.dir)) },
		func(m *mount) error { return create(m, h.begun()) },
		func(m *mount) error { return ignoreExisting(m.mkdir(h.dir)) },
	}
	for _, step := range steps {
		if err := h.insist(ctx, step); err != nil {
			return fmt.Errorf("the ledger cannot be created: %w", explainPVE(err))
		}
	}
	data, err := h.fresh()
	if err == nil {
		err = h.settle(ctx, 0, data)
	}
	if err != nil {
		return fmt.Errorf("the ledger cannot be created: %w", err)
	}
	return h.insist(ctx, h.finish)
}

// finish marks the end of the first use.
func (h *held) finish(m *mount) error { return ignoreMissing(m.remove(h.begun(), 0)) }

func ignoreExisting(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// loadAgain reads the slots through the mount that the lock was taken with.
func (h *held) loadAgain(ctx context.Context) (found []Slot, err error) {
	err = h.patiently(ctx, func() error {
		return h.on(func(m *mount) error {
			found, err = h.load(m)
			return err
		})
	})
	return found, err
}

// insist repeats a step that may have been taken until it certainly was.
func (h *held) insist(ctx context.Context, step func(*mount) error) error {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		if err := h.enough(ctx); err != nil {
			return err
		}
		err := h.on(step)
		if err == nil || decided(err) || pause > restart {
			return err
		}
		time.Sleep(pause)
	}
}

// keepCopies is how many copies of damaged slots stay.
const keepCopies = 8

// Keep copies a slot to a file beside it and removes the oldest such copies.
func (h *held) Keep(ctx context.Context, slot int, suffix string) error {
	return h.insist(ctx, func(m *mount) error {
		data, err := m.read(h.slot(slot))
		if len(data) == 0 || err != nil {
			return ignoreMissing(err)
		}
		if err := put(m, h.slot(slot)+"."+suffix, data[:min(len(data), maxFile)]); err != nil {
			return err
		}
		return h.thin(m)
	})
}

// thin removes all but the latest copies.
func (h *held) thin(m *mount) error {
	dir, err := m.open(h.dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.Contains(e.Name(), ".bad-") })
	slices.SortFunc(entries, func(a, b os.DirEntry) int {
		return strings.Compare(a.Name()[len("ledger.0"):], b.Name()[len("ledger.0"):])
	})
	for len(entries) > keepCopies {
		if err := ignoreMissing(m.remove(filepath.Join(h.dir, entries[0].Name()), 0)); err != nil {
			return err
		}
		entries = entries[1:]
	}
	return nil
}
