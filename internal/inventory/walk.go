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
	"pve-iplease/internal/pve"
)

// walk lists the configs by reading the nodes' directories.
func (r *Reader) walk() (listing, error) {
	nodes, err := fastio.Names(filepath.Join(r.dir, "nodes"))
	if err != nil {
		return listing{}, fmt.Errorf("guest configs: %w", err)
	}
	l := listing{complete: true}
	for _, n := range nodes {
		for kind, folder := range [...]string{pve.Container: "lxc", pve.VM: "qemu-server"} {
			names, err := fastio.Names(filepath.Join(r.dir, "nodes", n, folder))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				r.unlistable(&l, n, pve.Kind(kind), err)
			}
			l.files = slices.Grow(l.files, len(names))
			for _, name := range names {
				id, ok := strings.CutSuffix(name, ".conf")
				vmid, err := pve.ParseVMID(id)
				if ok && err == nil {
					l.files = append(l.files, file{place: place{n, pve.Kind(kind), vmid}})
				}
			}
		}
	}
	return l, nil
}

// unlistable enters the guests that a directory held when it was last listed.
func (r *Reader) unlistable(l *listing, node string, kind pve.Kind, err error) {
	u := lease.Unread{What: r.folder(place{node: node, kind: kind}), Why: reason(err)}
	for p := range r.seen {
		if p.node == node && p.kind == kind {
			l.files = append(l.files, file{place: p})
			u.Known = true
		}
	}
	l.complete, l.unread = false, append(l.unread, u)
}

// reason is an error without the file that it is about.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
