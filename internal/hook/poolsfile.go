package hook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
)

// editTries is how often the pools file is read again because somebody, in an
// editor, wrote it just then.
const editTries = 5

// PoolsEdit is given what the pools file holds, nil if there is none, and the
// leases, and returns the new text, or an error, and nothing is written.
type PoolsEdit func(text []byte, t *lease.Table) ([]byte, error)

// EditPools changes the pools file. decide is called again when the file was
// changed meanwhile. It runs under the ledger's lock, which keeps everybody
// else's commands away on every node of a cluster, and is the only moment at
// which nobody leases an address of a pool that is about to go.
func (h *Host) EditPools(ctx context.Context, decide PoolsEdit) error {
	return h.Ledger.Update(ctx, func(t *lease.Table) error {
		for try := 1; ; try++ {
			err := h.editPools(ctx, t, decide)
			if !errors.Is(err, node.ErrFileChanged) || try == editTries {
				return err
			}
		}
	})
}

// TryPools finds out what EditPools would come to, and writes nothing.
func (h *Host) TryPools(ctx context.Context, decide PoolsEdit) error {
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return err
	}
	old, err := h.readPoolsFile()
	if err != nil {
		return err
	}
	_, err = decide(old, t)
	return err
}

// readPoolsFile gives nil if there is no file.
func (h *Host) readPoolsFile() ([]byte, error) {
	text, err := h.Node.ReadTrusted(h.PoolsFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && text == nil:
		return []byte{}, nil
	}
	return text, err
}

func (h *Host) editPools(ctx context.Context, t *lease.Table, decide PoolsEdit) error {
	old, err := h.readPoolsFile()
	if err != nil {
		return err
	}
	text, err := decide(old, t)
	if err != nil {
		return err
	}
	if len(text) > pmxcfsLimit && h.Node.OnPmxcfs() {
		return fmt.Errorf("%s would take %d bytes, and pmxcfs allows %d", h.PoolsFile, len(text), pmxcfsLimit)
	}
	if old != nil && string(old) == string(text) {
		return nil
	}
	return h.Node.ReplaceFile(ctx, h.PoolsFile, old, text)
}

// pmxcfsLimit is the longest file that pmxcfs takes (MEMDB_MAX_FILE_SIZE).
const pmxcfsLimit = 1 << 20
