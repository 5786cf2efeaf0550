package dhcp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// maxSize is the size in bytes of the largest file that is read: 400,000
// leases, and 100 times what a large office has.
const maxSize = 64 << 20

var (
	errNoFile  = errors.New("it is no ordinary file")
	errTooLong = fmt.Errorf("it is larger than %d MiB", maxSize>>20)
)

// read reads a file. Kea's leases lie in up to four.
func (s *search) read(e pendingFile) ([]byte, time.Time, error) {
	if e.format == KeaLeases {
		return readKea(s.Path(e.path))
	}
	return readFile(s.Path(e.path))
}

// readKea reads Kea's lease file behind what its clean-up (LFC) has put aside:
// either .completed, or .2 and .1 that are still to be cleaned
// (memfile_lease_mgr.cc, loadLeasesFromFiles).
func readKea(path string) (all []byte, modified time.Time, err error) {
	aside := []string{path + ".2", path + ".1"}
	if _, err := os.Stat(path + ".completed"); err == nil {
		aside = []string{path + ".completed"}
	}
	for _, p := range append(aside, path) {
		data, m, err := readFile(p)
		if errors.Is(err, fs.ErrNotExist) && p != path {
			continue
		}
		if err != nil {
			return nil, m, err
		}
		if len(all)+len(data) > maxSize {
			return nil, m, errTooLong
		}
		all, modified = append(append(all, data...), '\n'), m
	}
	return all, modified, nil
}

// readFile reads an ordinary file of bounded size. A pipe or a device would
// never end, or keep the reader waiting.
func readFile(path string) ([]byte, time.Time, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, time.Time{}, err
	case !info.Mode().IsRegular():
		return nil, time.Time{}, errNoFile
	case info.Size() > maxSize:
		return nil, time.Time{}, errTooLong
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize))
	return data, info.ModTime(), err
}
