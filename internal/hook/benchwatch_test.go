package hook_test

import (
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/probe"
)

// tap hears every probe on the LAN and when it came.
type tap struct {
	h     *host
	heard chan time.Time
}

func (h *host) tap() *tap {
	h.t.Helper()
	ear := h.Host(h.lan)
	ifi, err := ear.Interface("eth0")
	h.Must(err)
	var conn *packet.Conn
	h.Must(ear.Do(func() (err error) {
		conn, err = packet.Listen(ifi, packet.Raw, int(ethernet.EtherTypeARP), nil)
		return err
	}))
	h.t.Cleanup(func() { _ = conn.Close() })
	tp := &tap{h, make(chan time.Time, 1000)}
	go func() {
		buf := make([]byte, 1514)
		for {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				return
			}
			tp.heard <- time.Now()
		}
	}()
	return tp
}

func (t *tap) drain() {
	for len(t.heard) > 0 {
		<-t.heard
	}
}

// window is how long the window was that has just passed.
func (t *tap) window() time.Duration {
	if len(t.heard) == 0 {
		t.h.t.Fatal("no probe was heard")
	}
	first := <-t.heard
	last := first
	for len(t.heard) > 0 {
		last = <-t.heard
	}
	pace, _ := probe.Preset("default")
	return last.Sub(first) + pace.Wait
}

// watcher sees when a guest's config is renamed into place (inotify(7)).
type watcher struct {
	h    *host
	file *os.File
}

func (h *host) watch() *watcher {
	h.t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	h.Must(err)
	_, err = unix.InotifyAddWatch(fd, h.path("/etc/pve/nodes/pve1/lxc"), unix.IN_MOVED_TO)
	h.Must(err)
	w := &watcher{h, os.NewFile(uintptr(fd), "inotify")}
	h.t.Cleanup(func() { _ = w.file.Close() })
	return w
}

// next reads the names that have come before the deadline.
func (w *watcher) next(until time.Time) []byte {
	w.h.Must(w.file.SetReadDeadline(until))
	buf := make([]byte, 4096)
	n, err := w.file.Read(buf)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		w.h.t.Fatal(err)
	}
	return buf[:n]
}

func (w *watcher) drain() { w.next(time.Now().Add(time.Millisecond)) }

// await returns when a file of that name was put in place.
func (w *watcher) await(name string) time.Time {
	w.h.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if bytes.Contains(w.next(end), []byte(name+"\x00")) {
			return time.Now()
		}
	}
	w.h.t.Fatalf("%s was not written", name)
	return time.Time{}
}
