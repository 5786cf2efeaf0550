// Package inventory answers what is used where: every address that any guest
// config on any node names, and the addresses of the nodes themselves.
package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Reader reads the cluster's guest configs and keeps what it has read: a
// second reading looks only at files that changed.
type Reader struct {
	dir      string           // /etc/pve
	mount    *clusterfs.Mount // what is mounted there; nil: nothing is
	self     func() ([]netip.Prefix, error)
	list     func() (listing, error)
	numbered bool // the listing tells the versions, not the files themselves
	index    index
	members  map[netip.Addr]string // of the cluster, with what to say of them
	cluster  []string              // its nodes, none where they are not known
	unknown  string                // why the members are not known
	ungiven  string                // why the SDN's IPAM file could not be read now
	cache    cache
	memory           // seen is nil before the first reading
	reading  int     // how often Read was called
	last     listing // of pmxcfs
	unsaved  int     // configs that were read and that the cache lacks
	gone     bool    // the cache holds guests that are no more
}

// NewReader reads below dir, Proxmox's /etc/pve, an ordinary directory; self
// lists the addresses of this node. What was read is kept in the file cached
// for the next process on this node; see Save.
func NewReader(dir, cached string, self func() ([]netip.Prefix, error)) *Reader {
	r := &Reader{dir: dir, self: self, cache: cache(cached)}
	r.list = r.walk
	return r
}

// NewClusterReader is NewReader for a mounted pmxcfs, which numbers the
// versions of every guest's config, and is waited for when it restarts.
func NewClusterReader(mount *clusterfs.Mount, cached string, self func() ([]netip.Prefix, error)) *Reader {
	r := NewReader(mount.Dir(), cached, self)
	r.mount = mount
	r.numbered, r.list = true, r.vmlist
	return r
}

const (
	// tries is how often the configs are read before a cluster that never
	// stands still is taken as it is.
	tries = 10
	// last is how often a config that is listed is looked for, in one second
	// and a half, though it is in no place.
	last = 40
	// patience is how many of them a guest is looked for that was there before
	// and is in no listing now: in the middle of a migration, or of a rename
	// over an open file, pmxcfs lists it nowhere (memdb_rename in memdb.c).
	patience = 6
	// pause grows by itself from try to try.
	pause = 2 * time.Millisecond
)

// Read lists every guest and every address that is named. A listing of which
// every config is known is the state at its moment. Otherwise the guests are
// listed again after their configs were read, and what differs is read again
// until it doesn't: what moves from one guest or node to another meanwhile is
// seen on one of them. In a cluster in which always
// somebody edits something the last listing is taken, with what was read of
// each config since the call, though the file be gone at the end: its guest is
// being edited, not destroyed.
func (r *Reader) Read(ctx context.Context) (inv lease.Inventory, err error) {
	try := func() error {
		inv, err = r.once(ctx)
		return err
	}
	if r.mount == nil {
		err = try()
	} else {
		err = r.mount.Steadily(ctx, try)
	}
	if err != nil {
		return r.unlisted(ctx, err)
	}
	return inv, nil
}

func (r *Reader) once(ctx context.Context) (lease.Inventory, error) {
	if r.seen == nil {
		r.memory = r.cache.load()
	}
	r.reading++
	defer r.index.close()
	l, err := r.list()
	for n := 0; err == nil; n++ {
		known, vanished := r.refresh(ctx, l.files)
		if ctx.Err() != nil {
			return lease.Inventory{}, context.Cause(ctx)
		}
		if err = r.cutOff(l); err != nil {
			break
		}
		absent := n < patience && r.misses(l)
		if err = cmp.Or(r.knowMembers(), r.knowGiven()); err != nil {
			break
		}
		if known && !absent && l.whole() {
			return r.collect(l), nil
		}
		var next listing
		if next, err = r.list(); err != nil {
			break
		}
		switch {
		case !vanished && !absent && next.same(l):
			return r.collect(l), nil
		case n >= tries && next.start == l.start && r.knows(l):
			return r.collect(r.joined(l)), nil
		case n == last:
			return lease.Inventory{}, fmt.Errorf("guest configs below %s keep vanishing while they are read; try again", r.dir)
		case vanished || absent:
			time.Sleep(time.Duration(n) * pause)
			next, err = r.list()
		}
		l = next
	}
	return lease.Inventory{}, err
}

// unlisted is what was last known, when the guests can't be listed. Where
// nothing is mounted there is nothing to be listed, and nobody to serve.
func (r *Reader) unlisted(ctx context.Context, err error) (lease.Inventory, error) {
	l := listing{unread: []lease.Unread{{What: "the list of all guests", Why: err.Error(), Known: true}}}
	known := false
	for at, p := range r.seen {
		l.files = append(l.files, file{place: at})
		known = known || p.known() != nil
	}
	if !known || ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
		return lease.Inventory{}, cmp.Or(context.Cause(ctx), err)
	}
	_, _ = r.knowMembers(), r.knowGiven() // what isn't known then is said
	return r.collect(l), nil
}

// Save keeps what was read for the next process, unless that is little and
// others save all the time. That it can't is no reason to fail: the next one
// reads anew.
func (r *Reader) Save() {
	if r.gone || r.unsaved >= many || r.unsaved > 0 && !r.cache.young() {
		r.cache.save(r.memory)
		r.unsaved, r.gone = 0, false
	}
}

// cutOff is why configs could not be read of a pmxcfs that went away; of others
// an inventory can be made without them.
func (r *Reader) cutOff(l listing) error {
	for i := range l.files {
		if p := r.seen[l.files[i].place]; p != nil && clusterfs.Disconnected(p.err) {
			return fmt.Errorf("guest configs: %w", p.err)
		}
	}
	return nil
}

// misses reports whether a guest that was read before is not listed.
func (r *Reader) misses(l listing) bool {
	if len(r.seen) <= len(l.files) {
		return false
	}
	listed := l.guests()
	for p := range r.seen {
		if !listed[p.vmid] {
			return true
		}
	}
	return false
}

// knows reports whether every listed config was read since the call of Read, if
// only to find that it can't be.
func (r *Reader) knows(l listing) bool {
	for i := range l.files {
		if p := r.seen[l.files[i].place]; errors.Is(p.err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// joined adds to a listing the guests that were read since the call of Read
// and are missing in it.
func (r *Reader) joined(l listing) listing {
	listed := l.guests()
	l.files = slices.Clip(l.files)
	for at, p := range r.seen {
		if p.reading == r.reading && p.err == nil && !listed[at.vmid] {
			l.files = append(l.files, file{at, p.version})
			listed[at.vmid] = true // once, though it was seen on two nodes
		}
	}
	return l
}

// Hooked reports whether a guest's hookscript volume is this program's, in
// whatever storage its snippet lies.
func Hooked(volume string) bool {
	return strings.HasSuffix(volume, ":snippets/pve-iplease")
}

// collect joins the files to one inventory, and forgets all others.
func (r *Reader) collect(l listing) lease.Inventory {
	inv := lease.Inventory{
		Guests: make(map[pve.VMID]lease.Guest, len(l.files)),
		Uses:   make(map[netip.Addr][]lease.Use, len(l.files)),
		Never:  map[netip.Addr]string{}, Complete: l.complete, Unread: l.unread,
	}
	for i := range l.files {
		f := &l.files[i]
		if p := r.seen[f.place]; p.err == nil {
			inv.Add(p.guest, p.uses)
		} else {
			r.standIn(&inv, f.place, p)
		}
	}
	r.forget(l)
	r.nodes(&inv)
	r.sdn(&inv)
	return inv
}

// standIn enters a guest whose config can't be read, with what it last said,
// here or where the guest was before.
func (r *Reader) standIn(inv *lease.Inventory, at place, p *parsed) {
	for o, q := range r.seen {
		if p.last == nil && o.vmid == at.vmid && o.kind == at.kind {
			p.last = q.known().movedTo(at.node)
		}
	}
	u := lease.Unread{What: r.folder(at) + "/" + at.name(), Why: reason(p.err), Known: p.last != nil}
	if u.Known {
		inv.AddUnread(p.last.guest, p.last.uses, u)
		return
	}
	inv.AddUnread(lease.Guest{Kind: at.kind, VMID: at.vmid, Node: at.node}, nil, u)
}

// knowGiven reads what Proxmox's SDN has given away, if that has changed.
func (r *Reader) knowGiven() error {
	before := r.given.version
	r.ungiven = ""
	if err := r.given.refresh(r.dir); err != nil {
		if clusterfs.Disconnected(err) {
			return fmt.Errorf("the IPAM file of Proxmox's SDN: %w", err)
		}
		r.ungiven = reason(err)
	}
	if r.given.version != before {
		r.unsaved++
	}
	return nil
}

// sdn enters what Proxmox's SDN has given away.
func (r *Reader) sdn(inv *lease.Inventory) {
	if r.ungiven != "" || !r.given.known {
		u := lease.Unread{Part: lease.SDNAddresses, What: "the IPAM file of Proxmox's SDN below " + r.dir, Why: cmp.Or(r.ungiven, "there was no time"), Known: r.given.known}
		inv.Unread = append(inv.Unread, u)
	}
	r.given.enter(inv)
}

// forget drops what was read of files that are not listed any more.
func (r *Reader) forget(l listing) {
	if len(r.seen) == len(l.files) {
		return
	}
	listed := make(map[place]bool, len(l.files))
	for i := range l.files {
		listed[l.files[i].place] = true
	}
	for p := range r.seen {
		if !listed[p] {
			delete(r.seen, p)
			r.gone = true
		}
	}
}
