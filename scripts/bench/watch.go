package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
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

// next reads the names that have come, and waits until the deadline for the
// first; none when it has passed.
func (w *watcher) next(until time.Time) (names []string, err error) {
	if err := w.file.SetReadDeadline(until); err != nil {
		return nil, err
	}
	buf := make([]byte, 64<<10)
	n, err := w.file.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return eventNames(buf[:n]), nil
}

// eventNames are the names in a sequence of struct inotify_event.
func eventNames(events []byte) (names []string) {
	for len(events) >= unix.SizeofInotifyEvent {
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:16]))
		if end > len(events) {
			break
		}
		names = append(names, unix.ByteSliceToString(events[unix.SizeofInotifyEvent:end]))
		events = events[end:]
	}
	return names
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
	for {
		names, err := w.next(until)
		if err == nil && len(names) == 0 {
			err = errors.New("nobody wrote it")
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("%s: %w", name, err)
		}
		if slices.Contains(names, name) {
			return time.Now(), nil
		}
	}
}
