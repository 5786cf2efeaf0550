package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
)

// index is pmxcfs's file .vmlist, open while an inventory is read and no longer:
// a pmxcfs that crashed can't be mounted anew while somebody has a file open. A
// restart ends what was opened before it, so that once is enough to ask when it
// was started.
type index struct {
	file  *generated
	mount uint64 // the kernel's number for the mount that start belongs to, 0: it doesn't tell
	start uint64
}

func (x *index) close() {
	if x.file != nil {
		x.file.close()
		x.file = nil
	}
}

// read returns the list as it is now, and when the pmxcfs that made it was
// started.
func (x *index) read(dir string) (text []byte, start uint64, err error) {
	if x.file != nil {
		if text, err = x.file.read(); err == nil {
			return text, x.start, nil
		}
		x.close() // what made it is gone
	}
	list, err := openGenerated(filepath.Join(dir, ".vmlist"))
	if err != nil {
		return nil, 0, err
	}
	if mount := list.mount(); mount == 0 || mount != x.mount {
		x.start, err = startTime(dir)
		x.mount = mount
	}
	if err == nil {
		text, err = list.read()
	}
	if err != nil {
		list.close()
		x.mount = 0
		return nil, 0, err
	}
	x.file = list
	return text, x.start, nil
}

// startTime tells one run of pmxcfs from the next.
func startTime(dir string) (uint64, error) {
	f, err := openGenerated(filepath.Join(dir, ".version"))
	if err != nil {
		return 0, err
	}
	defer f.close()
	text, err := f.read()
	if err != nil {
		return 0, err
	}
	// cfs_create_version_msg in status.c prints it first, and much after it.
	_, after, _ := strings.Cut(string(text), `"starttime":`)
	after = strings.TrimLeft(after, " ")
	end := strings.IndexFunc(after, func(c rune) bool { return c < '0' || c > '9' })
	start, err := strconv.ParseUint(after[:max(0, end)], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s does not say when pmxcfs was started; see whether it is well", f.path)
	}
	return start, nil
}

// generated is a file that pmxcfs makes when it is asked for its size, not when
// it is read (cfs-plug-func.c), and then has for everybody who reads.
type generated struct {
	fd   int
	path string
	buf  []byte
}

func openGenerated(path string) (*generated, error) {
	fd, err := fastio.Open(path)
	if err != nil {
		return nil, err
	}
	return &generated{fd: fd, path: path}, nil
}

func (g *generated) close() { _ = unix.Close(g.fd) }

// mount is a number that the kernel never gives to a second mount (since Linux
// 6.8, statx(2)), 0 from an older one. The file system isn't asked.
func (g *generated) mount() uint64 {
	var st unix.Statx_t
	const flags = unix.AT_EMPTY_PATH | unix.AT_STATX_DONT_SYNC
	if unix.Statx(g.fd, "", flags, unix.STATX_MNT_ID_UNIQUE, &st) != nil || st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		return 0
	}
	return st.Mnt_id
}

// read makes the file anew and returns it, good until the next call. It may be
// longer by now than it was when we asked.
func (g *generated) read() ([]byte, error) {
	for {
		var st unix.Statx_t
		err := unix.Statx(g.fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_FORCE_SYNC, unix.STATX_SIZE, &st)
		if err == nil && st.Size >= uint64(len(g.buf)) {
			g.buf = make([]byte, st.Size+st.Size/4+1024)
		}
		n := 0
		if err == nil {
			n, err = unix.Pread(g.fd, g.buf, 0)
		}
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: g.path, Err: err}
		case n < len(g.buf):
			return g.buf[:n], nil
		}
	}
}
