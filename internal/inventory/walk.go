package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lease"
)

// folders are where a node keeps its guests' configs.
var folders = map[string]lease.Kind{"lxc": lease.Container, "qemu-server": lease.VM}

// walk lists the configs by reading the nodes' directories.
func (r *Reader) walk() (listing, error) {
	nodes, err := os.ReadDir(filepath.Join(r.dir, "nodes"))
	if err != nil {
		return listing{}, fmt.Errorf("guest configs: %w", err)
	}
	l := listing{complete: true}
	for _, n := range nodes {
		for folder, kind := range folders {
			dir := filepath.Join(r.dir, "nodes", n.Name(), folder)
			names, err := readNames(dir)
			if err != nil {
				l.complete = l.complete && errors.Is(err, fs.ErrNotExist)
				continue
			}
			for _, name := range names {
				id, ok := strings.CutSuffix(name, ".conf")
				vmid, err := lease.ParseVMID(id)
				if ok && err == nil {
					l.files = append(l.files, file{path: filepath.Join(dir, name), node: n.Name(), kind: kind, vmid: vmid})
				}
			}
		}
	}
	return l, nil
}

// readNames lists a directory without asking for each file's attributes.
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	return d.Readdirnames(-1)
}

// stat tells one state of a file from the next, also of one that was renamed
// into its place.
func stat(path string) (string, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return "", &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return fmt.Sprintf("%d.%d.%d.%d", st.Ino, st.Size, st.Mtim.Sec, st.Mtim.Nsec), nil
}

// readFresh reads a file as it is now: pmxcfs lets the kernel keep a file's
// size for a second, and a config that has grown on another node would be
// read cut off.
func readFresh(path string) ([]byte, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC, unix.STATX_SIZE, &st); err != nil {
		return nil, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	return os.ReadFile(path)
}
