package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// prefix is how much of a slot tells what is in it: the checksum.
const prefix = 128

func (h *held) Write(ctx context.Context, was []Slot, slot int, data []byte) error {
	if len(data) > maxFile {
		return untouched(fmt.Errorf("%w: it would take %d bytes of the %d that pmxcfs allows a file; run 'pve-iplease reclaim'", ErrFull, len(data), maxFile))
	}
	if err := h.still(ctx, was); err != nil {
		return untouched(err)
	}
	if len(data) > nearlyFull {
		h.note(fmt.Sprintf("the ledger takes %d bytes of the %d that pmxcfs allows a file; run 'pve-iplease reclaim'", len(data), maxFile))
	}
	return h.settle(ctx, slot, data)
}

// still checks that nobody else can have written since was was read: after a
// pause of this process, or of the whole machine, the lock may have expired.
func (h *held) still(ctx context.Context, was []Slot) error {
	if err := h.enough(ctx); err != nil {
		return fmt.Errorf("%w: too late to write: %w", ErrLocked, err)
	}
	now := h.clock()
	if age := now - h.since; age > h.limits.hold {
		return fmt.Errorf("%w: the lock was held for %v already; try again", ErrLocked, age.Round(time.Second))
	}
	if now-h.proved > h.limits.renew {
		if err := h.prove(); err != nil {
			return fmt.Errorf("%w: the lock was lost: %w; try again", ErrLocked, err)
		}
	}
	for i, s := range was {
		if found, err := h.peek(i); err != nil || !bytes.Equal(found, s.Data[:min(prefix, len(s.Data))]) {
			return errors.Join(fmt.Errorf("%w: another process wrote to it meanwhile; try again", ErrLocked), err)
		}
	}
	return nil
}

// peek reads the beginning of a slot, nothing of one that is missing.
func (h *held) peek(slot int) (found []byte, err error) {
	err = h.on(func(m mount) error {
		f, err := m.Open(h.slot(slot))
		if err != nil {
			return ignoreMissing(err)
		}
		defer f.Close()
		found = make([]byte, prefix)
		n, err := f.ReadAt(found, 0)
		found = found[:n]
		if n < prefix && err != nil && n >= 0 {
			return ignoreEOF(err)
		}
		return err
	})
	return found, err
}

// settle stores data, and after an error of unknown outcome finds out by
// reading what became of it. The lock is renewed first: that goes through the
// cluster behind the write, so what is read afterwards is final.
func (h *held) settle(ctx context.Context, slot int, data []byte) error {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err := h.on(func(m mount) error { return put(m, h.slot(slot), data) })
		if err == nil {
			return nil
		}
		if decided(err) {
			return untouched(fmt.Errorf("the ledger cannot be written: %w", explainPVE(err)))
		}
		stored, sure, perr := h.verify(ctx, slot, data)
		switch {
		case stored:
			return nil
		case !sure:
			return fmt.Errorf("%w: writing: %w; reading it back: %w", ErrUnknown, err, perr)
		case perr != nil, h.clock()-h.since+pause > h.limits.hold, h.enough(ctx) != nil, pause > restart:
			return untouched(fmt.Errorf("the ledger cannot be written: %w", errors.Join(err, perr)))
		}
		time.Sleep(pause)
	}
}

// verify reads whether data is in the slot. It is sure if the cluster took
// notice of something else since; err says why the lock is no longer ours, or
// why it isn't sure.
func (h *held) verify(ctx context.Context, slot int, data []byte) (stored, sure bool, err error) {
	err = patiently(ctx, h.prove)
	for pause := 10 * time.Millisecond; err != nil && !decided(err) && pause < restart; pause *= 2 {
		time.Sleep(pause)
		err = patiently(ctx, h.prove)
	}
	sure = err == nil || decided(err) && h.m.Root != nil && h.m.quorate()
	rerr := h.on(func(m mount) error {
		found, err := m.ReadFile(h.slot(slot))
		stored = len(found) >= len(data) && bytes.Equal(found[:len(data)], data)
		return ignoreMissing(err)
	})
	return stored, sure && rerr == nil, errors.Join(err, rerr)
}

// put writes data in one piece to the beginning of a file. A file that
// doesn't exist is created and opened anew: only what is opened without
// creating is written past the page cache (cfs_fuse_open in pmxcfs.c).
func put(m mount, name string, data []byte) error {
	f, err := m.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(m, name); err != nil {
			return err
		}
		f, err = m.OpenFile(name, os.O_RDWR, 0)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, f.Close())
}

// create makes an empty file, unless there is one.
func create(m mount, name string) error {
	f, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
