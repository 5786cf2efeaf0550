package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
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
	err := h.settle(ctx, slot, data)
	if err == nil {
		h.usage.remember()
	}
	return err
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
	if h.m != nil {
		h.m.closeFiles() // what is now at the slots' paths counts
	}
	for i, s := range was {
		found, err := h.peek(ctx, i)
		if err != nil {
			return fmt.Errorf("the ledger cannot be read: %w", err)
		}
		if !bytes.Equal(found, s.Data[:min(prefix, len(s.Data))]) {
			return fmt.Errorf("%w: another process wrote to it meanwhile; try again", ErrLocked)
		}
	}
	return nil
}

// peek reads the beginning of a slot, nothing of one that is missing.
func (h *held) peek(ctx context.Context, slot int) (found []byte, err error) {
	read := func(m *mount) error {
		f, err := m.file(h.slot(slot))
		if err != nil {
			return ignoreMissing(err)
		}
		found = make([]byte, prefix)
		n, err := f.ReadAt(found, 0)
		found = found[:n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		return ignoreMissing(err) // removed since it was opened
	}
	err = h.patiently(ctx, func() error { return h.on(read) })
	return found, err
}

// settle stores data, and after an error of unknown outcome finds out by
// reading what became of it.
func (h *held) settle(ctx context.Context, slot int, data []byte) error {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err := h.on(func(m *mount) error { return put(m, h.slot(slot), data) })
		if err == nil {
			return nil
		}
		if decided(err) {
			return untouched(fmt.Errorf("the ledger cannot be written: %w", explainPVE(err)))
		}
		stored, verr := h.verify(ctx, slot, data)
		if verr != nil {
			return fmt.Errorf("%w: writing: %w; reading it back: %w", ErrUnknown, err, verr)
		}
		if stored {
			return nil
		}
		time.Sleep(pause)
		if lost := h.again(ctx, pause); lost != nil {
			return untouched(fmt.Errorf("the ledger cannot be written: %w; %w", err, lost))
		}
	}
}

// again reports why a write must not be repeated.
func (h *held) again(ctx context.Context, pause time.Duration) error {
	if err := h.enough(ctx); err != nil {
		return err
	}
	if pause > restart || h.clock()-h.since > h.limits.hold {
		return errors.New("giving up")
	}
	return h.patiently(ctx, h.prove)
}

// verify reads whether data is in the slot. First it changes the time of the
// ledger's directory: that goes through the cluster behind the write, so that
// what is read afterwards is final. An error means that it isn't known.
func (h *held) verify(ctx context.Context, slot int, data []byte) (stored bool, err error) {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err = h.patiently(ctx, func() error {
			return h.on(func(m *mount) error {
				return m.touch(h.dir, time.Now())
			})
		})
		if err == nil || decided(err) || pause > restart {
			break
		}
		time.Sleep(pause)
	}
	if err != nil {
		return false, explainPVE(err)
	}
	err = h.patiently(ctx, func() error {
		return h.on(func(m *mount) error {
			found, err := m.read(h.slot(slot))
			stored = len(found) >= len(data) && bytes.Equal(found[:len(data)], data)
			return ignoreMissing(err)
		})
	})
	return stored, err
}

// put writes data in one piece to the beginning of a file, which it creates if
// there is none.
func put(m *mount, name string, data []byte) error {
	f, err := m.file(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(m, name); err != nil {
			return err
		}
		f, err = m.file(name)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	return err
}

// create makes an empty file, unless there is one.
func create(m *mount, name string) error {
	f, err := m.open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
