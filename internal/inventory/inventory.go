// Package inventory answers what is used where: every address that any guest
// config on any node names, and the addresses of the nodes themselves.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
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
	dir   string // /etc/pve
	self  func() ([]netip.Prefix, error)
	list  func() (listing, error)
	cache cache
	seen  map[string]parsed
	last  listing // of pmxcfs
	stale bool    // what was read differs from what the cache holds
}

// NewReader reads below dir, Proxmox's /etc/pve, an ordinary directory; self
// lists the addresses of this node.
func NewReader(dir string, self func() ([]netip.Prefix, error)) *Reader {
	r := &Reader{dir: dir, self: self, seen: map[string]parsed{}}
	r.list = r.walk
	return r
}

// NewClusterReader reads below dir, a mounted pmxcfs, which numbers the
// versions of every guest's config. What was read is kept in the file cached
// for the next process on this node; see Save.
func NewClusterReader(dir, cached string, self func() ([]netip.Prefix, error)) *Reader {
	r := &Reader{dir: dir, self: self, cache: cache(cached)}
	r.list = r.vmlist
	r.seen = r.cache.load()
	return r
}

// listing is every guest's config file at one moment.
type listing struct {
	files    []file
	complete bool   // false: a directory could not be read
	mark     string // of a listing by pmxcfs: two with one mark are the same
}

// file is one guest's config file.
type file struct {
	path    string
	node    string
	kind    lease.Kind
	vmid    lease.VMID
	version string // of the content, from the listing; empty: the file itself tells
}

// parsed is one guest's config in a certain version.
type parsed struct {
	version string
	guest   lease.Guest
	uses    []lease.Use
	err     error
}

// A config that is listed and not there is being replaced, or its guest is on
// its way to another node: it is looked for again this often, after pauses
// that grow by this much.
const (
	tries = 10
	pause = 2 * time.Millisecond
)

// Read lists every guest and every address that is named. The listing is of
// one moment, so a guest that moves to another node meanwhile is found on one
// of them: either its config was read where it was listed, or it had vanished
// and the listing is read again. What changes after it was read is seen by
// the next reading.
func (r *Reader) Read(ctx context.Context) (lease.Inventory, error) {
	for n := range tries {
		l, err := r.list()
		if err != nil {
			return lease.Inventory{}, err
		}
		vanished := r.parse(ctx, l.files)
		if ctx.Err() != nil {
			return lease.Inventory{}, context.Cause(ctx)
		}
		if !vanished {
			return r.collect(l), nil
		}
		time.Sleep(time.Duration(n) * pause)
	}
	return lease.Inventory{}, fmt.Errorf("guest configs below %s keep vanishing while they are read; try again", r.dir)
}

// Save keeps what was read for the next process. That it can't is no reason
// to fail: the next one reads anew.
func (r *Reader) Save() {
	if r.stale {
		r.cache.save(r.seen)
	}
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
	r.stale = r.stale || len(files) != len(r.seen)
	for i, f := range files {
		r.stale = r.stale || results[i].version != r.seen[f.path].version
		vanished = vanished || errors.Is(results[i].err, fs.ErrNotExist)
		seen[f.path] = results[i]
	}
	r.seen = seen
	return vanished
}

// read parses a file unless its known version still stands.
func read(f file, known parsed) parsed {
	version := f.version
	if version == "" {
		var err error
		if version, err = stat(f.path); err != nil {
			return parsed{err: err}
		}
	}
	if known.err == nil && known.version == version {
		return known
	}
	data, err := readFresh(f.path)
	if err != nil {
		return parsed{err: err}
	}
	conf := guest.Parse(f.kind, data)
	p := parsed{version: version, uses: conf.Uses(f.vmid), guest: lease.Guest{
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
func (r *Reader) collect(l listing) lease.Inventory {
	inv := lease.Inventory{
		Guests: make(map[lease.VMID]lease.Guest, len(l.files)),
		Uses:   make(map[netip.Addr][]lease.Use, len(l.files)),
		Never:  map[netip.Addr]string{}, Complete: l.complete,
	}
	for _, f := range l.files {
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
