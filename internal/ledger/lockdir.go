package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// held is the right to write to the slots: this node's flock, and the lock
// directory that pmxcfs lets one node at a time create.
type held struct {
	*slots
	node *flock.Flock
	m    *mount // nil when it isn't open

	// since is when the lock was taken at the earliest, proved when it was
	// last known to be ours, asked when its removal was last asked for, alive
	// when pmxcfs last answered; all by the store's clock.
	since, proved, asked, alive time.Duration
	// doubt says that the directory, if it exists, may be this node's.
	doubt bool
}

func (s *slots) lockDir() string { return filepath.Join("priv/lock", filepath.Base(s.dir)) }

// marker is a file that is there while this node may own the lock directory.
// Whoever has the flock and finds it knows that its writer was killed.
func (s *slots) marker() string { return filepath.Join(s.run, "held-"+filepath.Base(s.dir)) }

// acquire takes the lock directory. The flock is ours already, so one that
// this node made is a killed process's and can be taken over.
func (h *held) acquire(ctx context.Context, q *Queue) error {
	_, err := os.Lstat(h.marker())
	h.doubt = err == nil
	if err := os.WriteFile(h.marker(), nil, 0o600); err != nil {
		return explain(err)
	}
	h.asked, h.alive = h.clock(), h.clock()
	if err = h.compete(ctx, q); err != nil && !h.doubt {
		err = errors.Join(err, os.Remove(h.marker()))
	}
	return err
}

// compete tries again and again to make the directory, with pauses of random
// length so that no node is always late. Trying costs little: while the
// directory exists, the node's own pmxcfs says so.
func (h *held) compete(ctx context.Context, q *Queue) error {
	for pause := 3 * time.Millisecond; ; pause = min(pause*11/10, 50*time.Millisecond) {
		if _, err := q.Ask(h.holder); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrLocked, h.holder(), err)
		}
		if ours, err := h.attempt(); ours || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// attempt tries once to make the directory.
func (h *held) attempt() (ours bool, err error) {
	h.since = h.clock()
	err = h.on(func(m *mount) error { return m.mkdir(h.lockDir()) })
	if errors.Is(err, fs.ErrNotExist) { // the directory of all locks is missing
		if err = h.on(func(m *mount) error { return m.mkdirAll(filepath.Dir(h.lockDir())) }); err == nil {
			return false, nil
		}
	}
	switch {
	case err == nil:
		h.proved = h.since
		return true, nil
	case errors.Is(err, fs.ErrExist):
		return h.occupied()
	case decided(err), h.clock()-h.alive > restart:
		return false, fmt.Errorf("the ledger cannot be locked: %w", explainPVE(err))
	}
	h.doubt = true
	return false, nil
}

// occupied handles a directory that exists: it may be this node's after all,
// or so old that pmxcfs removes it when asked.
func (h *held) occupied() (ours bool, err error) {
	due := h.clock()-h.asked >= h.limits.ask
	if h.doubt || due {
		err := h.prove()
		if err == nil {
			return true, nil
		}
		h.doubt = !errors.Is(err, fs.ErrNotExist) && !h.elsewhere(err)
	}
	if due {
		h.asked = h.clock()
		_ = h.touch(time.Unix(0, 0)) // refused until it is old enough
	}
	if h.m != nil && !h.m.quorate() {
		return false, fmt.Errorf("%w: %s is read-only; check 'pvecm status'", ErrNoQuorum, h.pve)
	}
	return false, nil
}

// prove renews the directory for another 120 s, which pmxcfs allows only the
// node that made it (memdb_mtime in memdb.c): EACCES means that it is another
// node's, or that there is no quorum, ENOENT that it is gone.
func (h *held) prove() error {
	now := h.clock()
	err := h.touch(time.Now())
	if err == nil {
		h.proved = now
	}
	return err
}

// elsewhere reports whether an error of prove means that the directory is
// another node's.
func (h *held) elsewhere(err error) bool {
	return errors.Is(err, fs.ErrPermission) && h.m != nil && h.m.quorate()
}

func (h *held) touch(t time.Time) error {
	return h.on(func(m *mount) error { return m.touch(h.lockDir(), t) })
}

// on calls f with the mounted file system, opening it again after a restart
// of pmxcfs.
func (h *held) on(f func(*mount) error) (err error) {
	if h.m == nil {
		if h.m, err = h.mount(); err != nil {
			return err
		}
	}
	if err = f(h.m); disconnected(err) {
		h.m.close()
		h.m = nil
		return err
	}
	h.alive = h.clock()
	return err
}

// enough reports whether there is time for a call that may block.
func (s *slots) enough(ctx context.Context) error { return enough(ctx, s.reserve) }

// holder says who keeps the lock directory while this node's flock is ours, and
// since when: another node, and pmxcfs knows, but doesn't tell, which.
func (h *held) holder() string {
	lock := filepath.Join(h.pve, h.lockDir())
	var age time.Duration
	err := h.on(func(m *mount) (err error) {
		age, err = h.age(m)
		return err
	})
	if err != nil {
		return "another node keeps the ledger's lock, " + lock
	}
	held := fmt.Sprintf("another node has kept the ledger's lock, %s, for %v", lock, age)
	if age < suspicious {
		return held
	}
	return held + ", so a process may have been killed there; any pve-iplease command on that node clears it at once"
}

// suspicious is the age of a lock that nobody should hold for so long.
const suspicious = 10 * time.Second
