package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Unlock gives both locks back. An error means that the lock directory stays:
// the next process of this node takes it over, or it expires.
func (h *held) Unlock() error {
	err := h.remove()
	if err == nil {
		err = os.Remove(h.marker())
	} else {
		err = fmt.Errorf("%s stays: %w", filepath.Join(h.pve, h.lockDir()), err)
	}
	if h.m != nil {
		h.m.close()
	}
	return errors.Join(err, h.node.Close())
}

// remove removes the lock directory while it is certainly ours. pmxcfs lets
// anybody remove it, so after an unknown outcome it must prove to be ours
// before the next try.
func (h *held) remove() error {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		if age := h.clock() - h.proved; age > h.limits.expiry {
			return fmt.Errorf("it was held for %v and may be another node's by now", age.Round(time.Second))
		}
		err := h.on(func(m *mount) error { return m.remove(h.lockDir(), unix.AT_REMOVEDIR) })
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if decided(err) || pause > restart {
			return explainPVE(err)
		}
		time.Sleep(pause)
		switch err := h.prove(); {
		case errors.Is(err, fs.ErrNotExist), h.elsewhere(err):
			return nil
		case decided(err):
			return explainPVE(err)
		}
	}
}
