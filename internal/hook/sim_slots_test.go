package hook_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"pve-iplease/internal/ledger"
)

// prepare brings the first use to its end.
func (h *holder) prepare(ctx context.Context) error {
	found, err := h.Read(ctx)
	if err != nil {
		return err
	}
	if found != nil {
		h.a.At("looks whether the first use is over")
		if h.n.etc.begun {
			h.change(h.n, func(e *etcPVE) { e.begun = false })
		}
		return nil
	}
	fresh := freshLedger()
	for _, step := range []struct {
		what string
		do   func(*etcPVE)
	}{
		{"notes that the first use began", func(e *etcPVE) { e.begun = true }},
		{"makes the ledger's directory", func(e *etcPVE) { e.dir = true }},
		{"creates slot 0", func(e *etcPVE) { e.slots[0].there = true }},
		{"fills slot 0", func(e *etcPVE) { e.slots[0] = slotFile{true, fresh} }},
		{"notes that the first use is over", func(e *etcPVE) { e.begun = false }},
	} {
		if step.what == "fills slot 0" {
			h.a.At("checks that slot 0 is still empty")
			if err := h.still(ctx, []ledger.Slot{{}}); err != nil {
				return err
			}
		}
		h.a.At(step.what)
		h.late()
		if !h.change(h.n, step.do) {
			return fmt.Errorf("the ledger cannot be created: %w", ledger.ErrNoQuorum)
		}
	}
	return nil
}

// Write implements ledger.Writer.
func (h *holder) Write(ctx context.Context, was []ledger.Slot, slot int, data []byte) error {
	h.a.At("checks that it still may write")
	if err := h.still(ctx, was); err != nil {
		return err
	}
	for {
		if !h.n.etc.slots[slot].there {
			h.a.At("creates slot", digit(slot))
			if !h.change(h.n, func(e *etcPVE) { e.slots[slot].there = true }) {
				return fmt.Errorf("the ledger cannot be written: %w", ledger.ErrNoQuorum)
			}
		}
		h.a.At("writes slot", digit(slot))
		unknown := h.a.Rand().Float64() < h.flaky
		lost := unknown && h.a.Rand().IntN(2) == 0
		h.late()
		if !lost && !h.change(h.n, func(e *etcPVE) { e.slots[slot] = slotFile{true, patched(e.slots[slot].data, data)} }) {
			return fmt.Errorf("the ledger cannot be written: %w", ledger.ErrNoQuorum)
		}
		if !unknown {
			return nil
		}
		if err := h.prove(); err != nil {
			return fmt.Errorf("%w: %w: %w", ledger.ErrUnknown, errMaybe, err)
		}
		if bytes.HasPrefix(h.n.etc.slots[slot].data, data) {
			return nil
		}
		if h.enough(ctx) != nil {
			return errMaybe
		}
	}
}

// late excuses what a process overwrites that was frozen between its check and
// its write for so long that the lock went to another node.
func (h *holder) late() {
	if time.Since(h.proved) > lockTimeout {
		h.watch.harm()
	}
}

// patched is what a file holds after a write to its beginning: a write never
// shortens it.
func patched(old, data []byte) []byte {
	if len(old) <= len(data) {
		return data
	}
	return append(bytes.Clone(data), old[len(data):]...)
}

func (h *holder) still(ctx context.Context, was []ledger.Slot) error {
	if err := h.enough(ctx); err != nil {
		return fmt.Errorf("%w: too late to write: %w", ledger.ErrLocked, err)
	}
	if time.Since(h.since) > lockHold {
		return fmt.Errorf("%w: the lock was held for too long", ledger.ErrLocked)
	}
	if time.Since(h.proved) > lockRenew {
		if err := h.prove(); err != nil {
			return fmt.Errorf("%w: the lock was lost: %w", ledger.ErrLocked, err)
		}
	}
	for i, s := range was {
		if !bytes.Equal(h.n.etc.slots[i].data, s.Data) {
			return fmt.Errorf("%w: another process wrote to it meanwhile", ledger.ErrLocked)
		}
	}
	return nil
}

// Keep implements ledger.Writer.
func (h *holder) Keep(context.Context, int, string) error {
	h.a.At("keeps a copy")
	return nil
}
