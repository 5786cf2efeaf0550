// Package inventory answers what is used where: every address that any guest
// config on any node names, and the addresses of the nodes themselves.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
)

// Reader reads the cluster's guest configs and keeps what it has read: a
// second reading looks only at files that changed.
type Reader struct {
	dir  string // /etc/pve
	self func() ([]netip.Prefix, error)
	seen map[string]parsed
}

// NewReader reads below dir, Proxmox's /etc/pve; self lists the addresses of
// this node.
func NewReader(dir string, self func() ([]netip.Prefix, error)) *Reader {
	return &Reader{dir: dir, self: self, seen: map[string]parsed{}}
}

// version tells one state of a file from the next.
type version struct {
	mtime time.Time
	size  int64
	file  uint64 // inode
}

// parsed is one guest's config in a certain version.
type parsed struct {
	version version
	guest   lease.Guest
	uses    []lease.Use
	err     error
}

// Read lists every guest and every address that is named. A guest that moves
// to another node meanwhile is found at one of them: what has vanished between
// listing and reading is looked for again.
func (r *Reader) Read(ctx context.Context) (lease.Inventory, error) {
	for range 3 {
		files, complete, err := r.list()
		if err != nil {
			return lease.Inventory{}, err
		}
		vanished := r.parse(ctx, files)
		if err := ctx.Err(); err != nil {
			return lease.Inventory{}, context.Cause(ctx)
		}
		if !vanished {
			return r.collect(files, complete), nil
		}
	}
	return lease.Inventory{}, fmt.Errorf("guest configs below %s keep vanishing while they are read; try again", r.dir)
}

// file is one guest's config file.
type file struct {
	path string
	node string
	kind lease.Kind
	vmid lease.VMID
}

// folders are where a node keeps its guests' configs.
var folders = map[string]lease.Kind{"lxc": lease.Container, "qemu-server": lease.VM}

// list finds every guest's config; complete is false when a directory could
// not be read.
func (r *Reader) list() (files []file, complete bool, err error) {
	nodes, err := os.ReadDir(filepath.Join(r.dir, "nodes"))
	if err != nil {
		return nil, false, fmt.Errorf("guest configs: %w", err)
	}
	complete = true
	for _, n := range nodes {
		for folder, kind := range folders {
			dir := filepath.Join(r.dir, "nodes", n.Name(), folder)
			names, err := readNames(dir)
			if err != nil {
				complete = complete && errors.Is(err, fs.ErrNotExist)
				continue
			}
			for _, name := range names {
				id, ok := strings.CutSuffix(name, ".conf")
				vmid, err := lease.ParseVMID(id)
				if ok && err == nil {
					files = append(files, file{filepath.Join(dir, name), n.Name(), kind, vmid})
				}
			}
		}
	}
	return files, complete, nil
}

// readNames lists a directory without asking for each file's attributes.
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// parse brings what is known of the files up to date, on every core. It
// reports whether a listed file was gone.
func (r *Reader) parse(ctx context.Context, files []file) (vanished bool) {
	results := make([]parsed, len(files))
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(files)/32+1)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(files) && ctx.Err() == nil; i += workers {
				results[i] = read(files[i], r.seen[files[i].path])
			}
		})
	}
	wg.Wait()
	seen := make(map[string]parsed, len(files))
	for i, f := range files {
		vanished = vanished || errors.Is(results[i].err, fs.ErrNotExist)
		seen[f.path] = results[i]
	}
	r.seen = seen
	return vanished
}

// read parses a file unless its known version still stands.
func read(f file, known parsed) parsed {
	info, err := os.Stat(f.path)
	if err != nil {
		return parsed{err: err}
	}
	v := version{info.ModTime(), info.Size(), inode(info)}
	if known.err == nil && known.version == v {
		return known
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return parsed{err: err}
	}
	conf := guest.Parse(f.kind, data)
	p := parsed{version: v, uses: conf.Uses(f.vmid), guest: lease.Guest{
		Kind: f.kind, VMID: f.vmid, Node: f.node, Name: conf.Hostname(),
		Template: conf.Template(), Hooked: Hooked(conf.Hookscript()), MACs: conf.MACs(),
	}}
	for i := range p.uses {
		p.uses[i].Segment.Nodes = f.node
	}
	return p
}

// Hooked reports whether a guest's hookscript volume is this program's, in
// whatever storage its snippet lies.
func Hooked(volume string) bool {
	return strings.HasSuffix(volume, ":snippets/pve-iplease")
}

// collect joins the files to one inventory.
func (r *Reader) collect(files []file, complete bool) lease.Inventory {
	inv := lease.Inventory{
		Guests: make(map[lease.VMID]lease.Guest, len(files)),
		Uses:   make(map[netip.Addr][]lease.Use, len(files)),
		Never:  map[netip.Addr]string{},
	}
	inv.Complete = complete
	for _, f := range files {
		p := r.seen[f.path]
		if p.err != nil {
			inv.Complete = false
			p.guest = lease.Guest{Kind: f.kind, VMID: f.vmid, Node: f.node}
		}
		inv.Guests[f.vmid] = p.guest
		for _, u := range p.uses {
			inv.Uses[u.Addr] = append(inv.Uses[u.Addr], u)
		}
	}
	r.nodes(inv.Never)
	return inv
}
