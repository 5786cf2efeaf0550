// Package clusterfs answers whether Proxmox's cluster file system is there, and
// waits for it while pmxcfs restarts. Every upgrade of pve-cluster restarts it:
// for one to three seconds calls on /etc/pve fail with ENOTCONN or
// ECONNABORTED, or find the empty directory that lies below the mount.
package clusterfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnmounted means that /etc/pve is not the mounted cluster file system.
var ErrUnmounted = errors.New("/etc/pve is not mounted")

const (
	// limit is how long a pmxcfs that went away is waited for. One that isn't
	// back by then was stopped, or doesn't come up.
	limit = 10 * time.Second
	// look is how often it is looked for.
	look = 50 * time.Millisecond
)

// Mount is the place where the cluster file system is mounted, /etc/pve.
type Mount struct {
	dir, database string
	seen          atomic.Bool // it was mounted once
	vain          atomic.Bool // it was waited for, and did not come
}

// At is the mount on a directory. database is pmxcfs's own file: on a host that
// has it something is meant to be mounted; empty: that isn't known.
func At(dir, database string) *Mount {
	m := &Mount{dir: dir, database: database}
	m.seen.Store(m.device() != 0)
	return m
}

// Dir is the directory.
func (m *Mount) Dir() string { return m.dir }

// Steadily calls f, which reads or writes below the mount, and again while it
// fails because pmxcfs is away, for ten seconds or until ctx ends; who has
// waited so in vain doesn't wait a second time. A name that is missing while
// nothing is mounted is no proof that it doesn't exist. What f did in vain may
// have been done nevertheless: it must look before it changes anything again.
func (m *Mount) Steadily(ctx context.Context, f func() error) error {
	before := m.device()
	err := f()
	if !m.away(err, before) || m.vain.Load() {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for m.away(err, before) {
		select {
		case <-wait.Done():
			m.vain.Store(ctx.Err() == nil)
			return fmt.Errorf("%w; pmxcfs was waited for in vain, check the service pve-cluster", err)
		case <-time.After(look):
		}
		before = m.device()
		err = f()
	}
	return err
}

// away reports whether an error comes from a pmxcfs that restarts; before is
// what was mounted when the call began.
func (m *Mount) away(err error, before uint64) bool {
	switch {
	case err == nil:
		return false
	case Disconnected(err):
		return true
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrUnmounted):
		return false
	}
	now := m.device()
	return now != before || now == 0 && m.expected()
}

// Disconnected reports whether a call failed because the server of its file
// system has gone.
func Disconnected(err error) bool {
	return errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ECONNABORTED)
}

// device is the number that the kernel gave to what is mounted, 0 for nothing.
// The file system itself isn't asked.
func (m *Mount) device() uint64 {
	here, ok := device(m.dir)
	above, known := device(filepath.Dir(m.dir))
	if !ok || !known || here == above {
		return 0
	}
	return here
}

func device(path string) (dev uint64, ok bool) {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st) != nil {
		return 0, false
	}
	return unix.Mkdev(st.Dev_major, st.Dev_minor), true
}

// expected reports whether something is going to be mounted: it was before, or
// the host has pmxcfs's database, and the directory is empty. Anything in it
// would keep pmxcfs from starting.
func (m *Mount) expected() bool {
	if !m.seen.Load() {
		if _, err := os.Stat(m.database); m.database == "" || err != nil {
			return false
		}
	}
	entries, err := os.ReadDir(m.dir)
	return err == nil && len(entries) == 0
}
