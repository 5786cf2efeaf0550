package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Relieve gives back the cluster's lock if a process of this node was killed
// with it: the other nodes would wait for two minutes. It waits for nobody, and
// mostly it looks for one file.
func (l *Ledger) Relieve() error {
	if s, ok := l.store.(*slots); ok {
		return s.relieve()
	}
	return nil
}

func (s *slots) relieve() error {
	if _, err := os.Lstat(s.marker()); err != nil {
		return nil
	}
	node := flock.New(filepath.Join(s.run, "lock"))
	if free, err := node.TryLock(); err != nil || !free {
		return nil // who has it lives, and clears it
	}
	h := &held{slots: s, node: node, doubt: true}
	h.alive = h.clock()
	switch err := h.prove(); {
	case err == nil:
		return h.Unlock()
	case errors.Is(err, fs.ErrNotExist), h.elsewhere(err):
		err := os.Remove(s.marker())
		if h.m != nil {
			h.m.close()
		}
		return errors.Join(err, node.Close())
	default:
		if h.m != nil {
			h.m.close()
		}
		return errors.Join(explainPVE(err), node.Close())
	}
}

// Held is for how long the cluster's lock has been held; ok is false while nobody
// holds it. A change takes milliseconds.
func (l *Ledger) Held(ctx context.Context) (age time.Duration, ok bool) {
	s, shared := l.store.(*slots)
	if !shared {
		return 0, false
	}
	err := s.mounted(ctx, func(m *mount) (err error) {
		age, err = s.age(m)
		return err
	})
	return age, err == nil
}

// age is how old the lock directory is, by the clock of the node that made it or
// renewed it last, in whole seconds.
func (s *slots) age(m *mount) (time.Duration, error) {
	st, err := m.stat(s.lockDir())
	return max(0, time.Since(time.Unix(st.Mtime.Sec, 0)).Round(time.Second)), err
}
