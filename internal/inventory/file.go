package inventory

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// listing is every guest's config file at one moment.
type listing struct {
	files    []file
	complete bool           // false: a directory could not be read
	unread   []lease.Unread // which, and why

	// Of a listing by pmxcfs: when it was started, and the list as it stands.
	start uint64
	text  string
}

// same reports whether two listings show the same guests, in the same place
// and with the same configs.
func (l *listing) same(o listing) bool {
	if l.text != "" || o.text != "" {
		return l.start == o.start && l.text == o.text
	}
	return slices.Equal(l.files, o.files)
}

// whole reports whether the listing shows one moment: pmxcfs has made it in one
// go, and it was read so.
func (l *listing) whole() bool { return l.text != "" && len(l.text) < message }

// guests are those that are listed.
func (l *listing) guests() map[pve.VMID]bool {
	listed := make(map[pve.VMID]bool, len(l.files))
	for i := range l.files {
		listed[l.files[i].vmid] = true
	}
	return listed
}

// place is where a guest's config lies.
type place struct {
	node string
	kind pve.Kind
	vmid pve.VMID
}

// file is one guest's config file.
type file struct {
	place
	version version // of the content, if the listing tells
}

// version tells one content of a file from the next: pmxcfs's start time and
// number, or what stat says. The zero version tells nothing.
type version [4]int64

// parsed is one guest's config in a certain version.
type parsed struct {
	version version
	guest   lease.Guest
	uses    []lease.Use
	young   bool // the file changed just before: its next version may look like this one
	reading int  // the call of Read that found it so
	err     error
	last    *parsed // with err: what was read before; nil: nothing was
}

// movedTo is what was known of a guest that is on another node now.
func (p *parsed) movedTo(node string) *parsed {
	if p == nil {
		return nil
	}
	moved := *p
	moved.version, moved.guest.Node, moved.uses = version{}, node, slices.Clone(p.uses)
	for i := range moved.uses {
		moved.uses[i].Segment.Nodes = node
	}
	return &moved
}

// known is what was last read without an error; nil: nothing was.
func (p *parsed) known() *parsed {
	if p == nil || p.err == nil {
		return p
	}
	return p.last
}

// folder is where the file is, name is its own.
func (r *Reader) folder(p place) string {
	if p.kind == pve.VM {
		return r.dir + "/nodes/" + p.node + "/qemu-server"
	}
	return r.dir + "/nodes/" + p.node + "/lxc"
}

func (p place) name() string { return p.vmid.String() + ".conf" }

// many is how many files to read make it worth while to ask whether another
// process of this node reads the same ones at this moment.
const many = 16

// task is a file to read, and what is known of it.
type task struct {
	*file
	known *parsed
}

// refresh brings what is known of the files up to date. It reports whether they
// were all known, and whether one was gone: it is being replaced, or its guest
// is on its way to another node. When a whole cluster's guests start at once,
// each start finds the configs of all others changed; so that not every one
// reads them all, they do it one after the other, and find what the one before
// has read.
func (r *Reader) refresh(ctx context.Context, files []file) (known, vanished bool) {
	todo := r.outdated(files)
	if len(todo) == 0 {
		return true, false
	}
	if len(todo) > many && todo[0].version != (version{}) {
		defer r.cache.lock(ctx)()
		todo = r.adopt(r.cache.load().seen, todo)
		defer r.Save()
	}
	return false, r.readAll(ctx, todo)
}

// outdated are the files of which no current reading is known.
func (r *Reader) outdated(files []file) (todo []task) {
	for i := range files {
		known := r.seen[files[i].place]
		if !known.current(files[i].version) {
			todo = append(todo, task{&files[i], known})
			continue
		}
		known.reading = r.reading
	}
	return todo
}

// adopt takes over what another process has read, and returns the rest.
func (r *Reader) adopt(theirs map[place]*parsed, todo []task) (rest []task) {
	for _, t := range todo {
		if p := theirs[t.place]; p.current(t.version) {
			p.reading = r.reading
			r.seen[t.place] = p
		} else {
			rest = append(rest, t)
		}
	}
	return rest
}

// readAll reads files on every core, and reports whether one was gone. What
// this call of Read has seen of it before is kept.
func (r *Reader) readAll(ctx context.Context, todo []task) (vanished bool) {
	results := make([]*parsed, len(todo))
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(todo)/32+1)
	for w := range workers {
		wg.Go(func() {
			var at desk
			defer at.dir.Close()
			for i := w; i < len(todo) && ctx.Err() == nil; i += workers {
				results[i] = r.read(&at, todo[i])
			}
		})
	}
	wg.Wait()
	for i, t := range todo {
		p, known := results[i], t.known
		if p == nil {
			continue // interrupted
		}
		if errors.Is(p.err, fs.ErrNotExist) {
			vanished = true
			if known != nil && known.err == nil && known.reading == r.reading {
				continue
			}
		}
		p.reading = r.reading
		if p.err != nil {
			p.last = known.known()
		}
		if p != known {
			if known == nil || known.version != p.version {
				r.unsaved++
			}
			r.seen[t.place] = p
		}
	}
	return vanished
}

// current reports whether what was read is what the listing names.
func (p *parsed) current(v version) bool {
	return p != nil && p.err == nil && v != version{} && p.version == v
}

// desk is what reading one file after the other uses again.
type desk struct {
	dir fastio.Dir
	buf [4 << 10]byte // nearly every config
}

// read parses a file unless its known version still stands.
func (r *Reader) read(at *desk, t task) *parsed {
	folder, name := r.folder(t.place), t.name()
	v, young := t.version, false
	if !r.numbered {
		var err error
		if v, young, err = stat(&at.dir, folder, name); err != nil {
			return &parsed{err: err}
		}
		if t.known.current(v) {
			return t.known
		}
	}
	data, err := fastio.ReadDirect(folder+"/"+name, at.buf[:])
	if err != nil {
		return &parsed{err: err}
	}
	conf := guest.Parse(t.kind, data)
	p := &parsed{version: v, young: young, uses: conf.Uses(t.vmid), guest: lease.Guest{
		Kind: t.kind, VMID: t.vmid, Node: t.node, Name: conf.Hostname(),
		Template: conf.Template(), Hooked: Hooked(conf.Hookscript()), MACs: conf.MACs(),
	}}
	for i := range p.uses {
		p.uses[i].Segment.Nodes = t.node
	}
	return p
}

// granularity is more than what the clocks of file systems are off by: a file
// may change twice within it without a change of its times.
const granularity = 2 * time.Second

// stat tells one state of a file from the next, also of one that was renamed
// into its place.
func stat(dir *fastio.Dir, folder, name string) (v version, young bool, err error) {
	var st unix.Stat_t
	if err := dir.Stat(folder, name, &st); err != nil {
		return v, false, err
	}
	v, young = versionOf(&st)
	return v, young, nil
}

// fstat is stat for a file that is open.
func fstat(fd int, path string) (v version, young bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return v, false, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	v, young = versionOf(&st)
	return v, young, nil
}

// versionOf uses the time of change, which nobody can set. A young file may
// change once more and look the same.
func versionOf(st *unix.Stat_t) (v version, young bool) {
	changed := time.Unix(st.Ctim.Unix())
	return version{int64(st.Ino), st.Size, st.Ctim.Sec, st.Ctim.Nsec}, time.Since(changed) < granularity
}
