package ledger

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// open opens a file below the root, never one that a link leads to.
func (m *mount) open(name string, flags int) (*os.File, error) {
	mode := uint32(0)
	if flags&unix.O_CREAT != 0 {
		mode = 0o600
	}
	fd, err := beneath(m.fd, name, flags|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, named("open", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// growth is how much longer a file may be than the kernel remembers, before
// reading it takes a second request.
const growth = 4 << 10

// piece is what the kernel asks pmxcfs for at once at most, as one message of
// the cluster is at most.
const piece = 128 << 10

// read reads a whole file, most ledgers by one request: when less comes than
// was asked for, that was the end. Only after whole pieces the next may have
// failed, of which the kernel says nothing yet.
func (m *mount) read(name string) ([]byte, error) {
	f, err := m.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd := int(f.Fd())
	data := make([]byte, 0, remembered(fd).Size+growth)
	for {
		room := data[len(data):cap(data)]
		n, err := uninterrupted(func() (int, error) { return unix.Pread(fd, room, int64(len(data))) })
		if err != nil {
			return nil, named("read", name, err)
		}
		data = data[:len(data)+n]
		if n == 0 || n < len(room) && n%piece != 0 {
			return data, nil
		}
		data = slices.Grow(data, maxFile)
	}
}

// file returns a file that is opened for writing once and kept, until
// closeFiles. Not for long: one that is removed meanwhile stays open under a
// hidden name. It isn't created: only what is opened without creating is read
// and written past the page cache (cfs_fuse_open in pmxcfs.c).
func (m *mount) file(name string) (*os.File, error) {
	if f := m.files[name]; f != nil {
		return f, nil
	}
	f, err := m.open(name, unix.O_RDWR)
	if err == nil {
		m.files[name] = f
	}
	return f, err
}

// closeFiles closes what file has opened.
func (m *mount) closeFiles() {
	for _, f := range m.files {
		f.Close() // pmxcfs stores nothing then
	}
	clear(m.files)
}
