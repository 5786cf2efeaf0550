package node

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
)

// fileID is how /proc/locks names a file.
type fileID struct {
	major, minor uint32
	inode        uint64
}

// flocked is one granted flock of /proc/locks.
type flocked struct {
	file      fileID
	pid       int // 0: a process outside our PID namespace
	exclusive bool
}

// holder is who keeps a lock from us; the zero value is not known.
type holder struct {
	pid       int
	exclusive bool
}

// findHolder looks a locked file up in /proc/locks. The kernel prints the
// super block's device, which on btrfs and some overlays is not the one that
// stat shows: then the inode alone must do.
func findHolder(path string) holder {
	info, err := os.Stat(path)
	if err != nil {
		return holder{}
	}
	st := info.Sys().(*syscall.Stat_t)
	want := fileID{unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino}
	data, err := fastio.ReadFile("/proc/locks")
	if err != nil {
		return holder{}
	}
	var similar holder
	for _, l := range parseLocks(data) {
		switch {
		case l.file == want:
			return holder{l.pid, l.exclusive}
		case l.file.inode == want.inode:
			similar = holder{l.pid, l.exclusive}
		}
	}
	return similar
}

// ancestor reports whether the lock is ours to rely on. A shared lock is not:
// others may have it too.
func (h holder) ancestor() bool {
	if h.pid == 0 || !h.exclusive {
		return false
	}
	for pid := range ancestors(os.Getpid()) {
		if pid == h.pid {
			return true
		}
	}
	return false
}

func (h holder) String() string {
	if h.pid == 0 {
		return "a process that cannot be seen from here"
	}
	return fmt.Sprintf("process %d (%s)", h.pid, commandLine(h.pid))
}

// parseLocks reads the granted flocks of /proc/locks, whose lines look like
//
//	1: FLOCK  ADVISORY  WRITE 4711 00:19:131 0 EOF
//
// and, for one that still waits, "1: -> FLOCK …" (fs/locks.c, lock_get_status).
func parseLocks(data []byte) []flocked {
	var found []flocked
	for line := range bytes.Lines(data) {
		f := bytes.Fields(line)
		if len(f) < 6 || string(f[1]) != "FLOCK" {
			continue
		}
		pid, err := strconv.Atoi(string(f[4]))
		file, ok := parseFileID(f[5])
		if err != nil || pid < 0 || !ok {
			continue
		}
		found = append(found, flocked{file, pid, string(f[3]) == "WRITE"})
	}
	return found
}

// parseFileID reads major:minor in hexadecimal and the inode in decimal.
func parseFileID(s []byte) (fileID, bool) {
	part := bytes.Split(s, []byte(":"))
	if len(part) != 3 {
		return fileID{}, false
	}
	major, err1 := strconv.ParseUint(string(part[0]), 16, 32)
	minor, err2 := strconv.ParseUint(string(part[1]), 16, 32)
	inode, err3 := strconv.ParseUint(string(part[2]), 10, 64)
	return fileID{uint32(major), uint32(minor), inode}, err1 == nil && err2 == nil && err3 == nil
}
