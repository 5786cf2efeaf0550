package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pve-iplease/internal/lease"
)

// walk lists the configs by reading the nodes' directories.
func (r *Reader) walk() (listing, error) {
	nodes, err := os.ReadDir(filepath.Join(r.dir, "nodes"))
	if err != nil {
		return listing{}, fmt.Errorf("guest configs: %w", err)
	}
	l := listing{complete: true}
	for _, n := range nodes {
		for kind, folder := range [...]string{lease.Container: "lxc", lease.VM: "qemu-server"} {
			names, err := readNames(filepath.Join(r.dir, "nodes", n.Name(), folder))
			if err != nil {
				l.complete = l.complete && errors.Is(err, fs.ErrNotExist)
				continue
			}
			for _, name := range names {
				id, ok := strings.CutSuffix(name, ".conf")
				vmid, err := lease.ParseVMID(id)
				if ok && err == nil {
					l.files = append(l.files, file{place: place{n.Name(), lease.Kind(kind), vmid}})
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
