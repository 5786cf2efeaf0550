package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
)

// walk lists the configs by reading the nodes' directories.
func (r *Reader) walk() (listing, error) {
	nodes, err := fastio.Names(filepath.Join(r.dir, "nodes"))
	if err != nil {
		return listing{}, fmt.Errorf("guest configs: %w", err)
	}
	l := listing{complete: true}
	for _, n := range nodes {
		for kind, folder := range [...]string{lease.Container: "lxc", lease.VM: "qemu-server"} {
			names, err := fastio.Names(filepath.Join(r.dir, "nodes", n, folder))
			if err != nil {
				l.complete = l.complete && errors.Is(err, fs.ErrNotExist)
				continue
			}
			l.files = slices.Grow(l.files, len(names))
			for _, name := range names {
				id, ok := strings.CutSuffix(name, ".conf")
				vmid, err := lease.ParseVMID(id)
				if ok && err == nil {
					l.files = append(l.files, file{place: place{n, lease.Kind(kind), vmid}})
				}
			}
		}
	}
	return l, nil
}
