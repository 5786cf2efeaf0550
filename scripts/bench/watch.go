package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watcher sees when a guest's config is renamed into place (inotify(7)).
type watcher struct{ file *os.File }

// watch watches the configs of the node's containers.
func (s *site) watch(later *cleanup) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	w := &watcher{os.NewFile(uintptr(fd), "inotify")}
	later.add(w.file.Close)
	_, err = unix.InotifyAddWatch(fd, s.path("/etc/pve/nodes/"+nodeName+"/lxc"), unix.IN_MOVED_TO)
	return w, os.NewSyscallError("inotify_add_watch", err)
}

// next reads the names that have come before the deadline.
func (w *watcher) next(until time.Time) ([]byte, error) {
	if err := w.file.SetReadDeadline(until); err != nil {
		return nil, err
	}
	buf := make([]byte, 64<<10)
	n, err := w.file.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return buf[:max(n, 0)], err
}

// drain forgets what has come so far.
func (w *watcher) drain() error {
	for {
		names, err := w.next(time.Now().Add(time.Millisecond))
		if err != nil || len(names) == 0 {
			return err
		}
	}
}

// await returns when a file of that name was put in place.
func (w *watcher) await(name string, until time.Time) (time.Time, error) {
	for time.Now().Before(until) {
		names, err := w.next(until)
		if err != nil {
			return time.Time{}, err
		}
		if bytes.Contains(names, []byte(name+"\x00")) {
			return time.Now(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s was not written", name)
}
