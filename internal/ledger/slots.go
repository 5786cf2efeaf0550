package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/clusterfs"
)

const (
	// maxFile is the longest file that pmxcfs takes (MEMDB_MAX_FILE_SIZE).
	maxFile = 1 << 20
	// nearlyFull is when an administrator should hear about it.
	nearlyFull = maxFile / 5 * 4
	// restart is how long what may have been done already is tried again while
	// pmxcfs is away.
	restart = 3 * time.Second
)

// slots is the store on pmxcfs: two files that are written in turn, each with
// one write at its beginning. One write of up to 128 KiB is one message to
// the cluster, and is there or not; of a longer one a part may be missing,
// which the checksum shows, and then the other file has the last state.
type slots struct {
	pve     string                 // where pmxcfs is mounted
	at      *clusterfs.Mount       // likewise
	known   atomic.Uint64          // the device of the last mount that was pmxcfs
	dir     string                 // the ledger's directory, relative to pve
	run     string                 // this node's directory for locks
	fresh   func() ([]byte, error) // what a new ledger holds
	reserve time.Duration
	limits  limits
	clock   func() time.Duration // monotonic, goes on while the node sleeps
	note    func(string)
	usage   usage
}

// limits are the times of the lock directory's protocol.
type limits struct {
	hold   time.Duration // nothing is written later than this after locking
	renew  time.Duration // older holds prove that they still are, before writing
	expiry time.Duration // others may have removed the lock after this
	ask    time.Duration // between requests to remove a lock that is too old
}

// pveLimits: pmxcfs lets a lock expire after 120 s (CFS_LOCK_TIMEOUT in
// memdb.c); PVE::Cluster::cfs_lock gives its holders 60.
var pveLimits = limits{hold: 60 * time.Second, renew: 20 * time.Second, expiry: 110 * time.Second, ask: 2 * time.Second}

// sinceBoot is CLOCK_BOOTTIME.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

func (s *slots) slot(i int) string { return filepath.Join(s.dir, "ledger."+strconv.Itoa(i)) }

// begun is there from the beginning to the end of the first use. It tells an
// empty directory whose creator died from one that lost its files.
func (s *slots) begun() string { return s.dir + ".new" }

// mount opens the cluster file system.
func (s *slots) mount() (*mount, error) {
	m, err := openMount(s.pve, s.known.Load())
	if err == nil {
		s.known.Store(m.dev)
	}
	return m, err
}

// mounted calls f with the cluster file system, again after a restart of pmxcfs.
func (s *slots) mounted(ctx context.Context, f func(*mount) error) error {
	return s.patiently(ctx, func() error {
		m, err := s.mount()
		if err != nil {
			return err
		}
		defer m.close()
		return f(m)
	})
}

func (s *slots) Read(ctx context.Context) (found []Slot, err error) {
	err = s.mounted(ctx, func(m *mount) (err error) {
		found, err = s.load(m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the ledger cannot be read: %w", explain(err))
	}
	return found, nil
}

func (s *slots) large() bool {
	m, err := s.mount()
	if err != nil {
		return false
	}
	defer m.close()
	for i := range 2 {
		if st, err := m.stat(s.slot(i)); err == nil && st.Size >= large {
			return true
		}
	}
	return false
}

// patiently repeats what failed because pmxcfs is being restarted.
func (s *slots) patiently(ctx context.Context, f func() error) error {
	return s.at.Steadily(ctx, f)
}

// load reads both slots, nothing if the first use has not come to its end.
func (s *slots) load(m *mount) ([]Slot, error) {
	found := make([]Slot, 2)
	for i := range found {
		found[i].Name = filepath.Join(s.pve, s.slot(i))
		data, err := m.read(s.slot(i))
		found[i].Data, found[i].Missing = data, errors.Is(err, fs.ErrNotExist)
		if err != nil && !found[i].Missing {
			return nil, err
		}
	}
	if len(found[0].Data) > 0 || !found[1].Missing {
		return found, nil
	}
	unfinished, err := s.unfinished(m, found[0].Missing)
	if err != nil || unfinished {
		return nil, err
	}
	return found, nil
}

// unfinished tells a first use that is going on, or broke off, from a ledger
// that lost its content. The second slot comes later in any case.
func (s *slots) unfinished(m *mount, noFirst bool) (bool, error) {
	if !noFirst {
		return true, nil // it is made empty, then written to
	}
	if _, err := m.stat(s.begun()); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	_, err := m.stat(s.dir)
	return err != nil && !s.usage.known(), ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Lock takes this node's flock, then the cluster's lock.
func (s *slots) Lock(ctx context.Context) (Writer, error) {
	if err := os.MkdirAll(s.run, 0o700); err != nil {
		return nil, fmt.Errorf("the directory for locks: %w", explain(err))
	}
	late := s.enough(ctx)
	if late == nil { // a restart is waited for before others of this node wait for us
		if err := s.mounted(ctx, func(*mount) error { return nil }); err != nil {
			return nil, fmt.Errorf("the ledger cannot be locked: %w", explainPVE(err))
		}
		late = s.enough(ctx)
	}
	if late != nil {
		return nil, fmt.Errorf("%w: no time to lock it: %w", ErrLocked, late)
	}
	q := NewQueue(ctx, s.reserve)
	node, err := lockFile(ctx, filepath.Join(s.run, "lock"), q)
	if err != nil {
		return nil, explain(err)
	}
	h := &held{slots: s, node: node}
	if err := h.acquire(ctx, q); err != nil {
		return nil, errors.Join(err, h.node.Close())
	}
	if err := h.prepare(ctx); err != nil {
		return nil, errors.Join(err, h.Unlock())
	}
	return h, nil
}
