package inventory

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func none() ([]netip.Prefix, error) { return nil, nil }

// tree is a scratch /etc/pve.
type tree struct {
	t   testing.TB
	dir string
}

func newTree(t testing.TB) tree {
	t.Helper()
	return tree{t, t.TempDir()}
}

func (tr tree) write(name, content string) tree {
	tr.t.Helper()
	path := filepath.Join(tr.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		tr.t.Fatal(err)
	}
	return tr
}

func (tr tree) ct(node string, id int, ip string) tree {
	return tr.write(fmt.Sprintf("nodes/%s/lxc/%d.conf", node, id),
		fmt.Sprintf("hookscript: local:snippets/pve-iplease\nhostname: c%d\nnet0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=%s/24\n", id, ip))
}

func read1(t *testing.T, r *Reader) lease.Inventory {
	t.Helper()
	inv, err := r.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// TestYoungFilesAreReadAgain: a config may change twice within the granularity
// of its times, and look the same to the next process.
func TestYoungFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5")
	cached := filepath.Join(t.TempDir(), "run", "inventory")
	look := func(young bool) *parsed {
		r := NewReader(tr.dir, cached, none)
		read1(t, r)
		at := place{"pve1", pve.Container, 101}
		r.seen[at].young = young
		r.Save()
		return cache(cached).load().seen[at]
	}
	if p := look(true); p == nil || p.version != (version{}) {
		t.Errorf("a young file is remembered as %+v", p)
	}
	if p := look(false); p == nil || p.guest.Name != "c101" {
		t.Errorf("an old file is remembered as %+v", p)
	}
	var dir fastio.Dir
	t.Cleanup(dir.Close)
	state := func(path string) (version, bool, error) { return stat(&dir, filepath.Dir(path), filepath.Base(path)) }
	path := filepath.Join(tr.dir, "nodes/pve1/lxc/101.conf")
	if _, young, err := state(path); !young || err != nil {
		t.Errorf("a file that was just written is young: %v, %v", young, err)
	}
	if _, young, err := state("/bin/sh"); young || err != nil {
		t.Errorf("the shell is young: %v, %v", young, err)
	}
	before, _, _ := state(path)
	tr.ct("pve1", 101, "10.0.0.6")
	if err := os.Chtimes(path, time.Now(), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if after, _, _ := state(path); after == before {
		t.Error("a change with a forged time looks like none")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").
		write("nodes/pve2/lxc/102.conf", "template: 1\nnet0: name=eth0,bridge=vmbr1,tag=20,ip=10.0.0.6/24\n\n[pve:pending]\nnet0: name=eth0,bridge=vmbr1,ip=10.0.0.7/24\n\n[before]\nnet0: name=eth0,bridge=vmbr1,ip=10.0.0.8/24\n").
		write("nodes/pve2/qemu-server/200.conf", "name: db\nnet0: virtio=52:54:00:00:00:01,bridge=vmbr0\nipconfig0: ip=10.0.0.9/24,gw=10.0.0.1\n").
		write("nodes/pve2/lxc/notes.conf", "net0: name=eth0,bridge=vmbr0,ip=10.0.0.99/24\n").
		write("nodes/pve2/lxc/103.conf.tmp.77", "net0: name=eth0,bridge=vmbr0,ip=10.0.0.98/24\n").
		write(".members", `{"nodename":"pve1","version":3,"cluster":{"name":"c","version":2,"nodes":2,"quorate":1},"nodelist":{"pve2":{"id":2,"online":1,"ip":"10.0.0.12"}}}`)
	r := NewReader(tr.dir, "", func() ([]netip.Prefix, error) { return []netip.Prefix{netip.MustParsePrefix("10.0.0.11/24")}, nil })
	got := read1(t, r)
	ip := netip.MustParseAddr
	use := func(addr string, o pve.Owner, bridge string, tag uint16, node string, w lease.Where) []lease.Use {
		return []lease.Use{{Addr: ip(addr), Owner: o, Segment: pve.NewSegment(bridge, tag, node), Where: w}}
	}
	want := lease.Inventory{
		Guests: map[pve.VMID]lease.Guest{
			101: {VMID: 101, Node: "pve1", Name: "c101", Hooked: true, MACs: []pve.MAC{{0xbc, 0x24, 0x11, 0, 0, 1}}},
			102: {VMID: 102, Node: "pve2", Template: true},
			200: {Kind: pve.VM, VMID: 200, Node: "pve2", Name: "db", MACs: []pve.MAC{{0x52, 0x54, 0, 0, 0, 1}}},
		},
		Uses: map[netip.Addr][]lease.Use{
			ip("10.0.0.5"): use("10.0.0.5", pve.Owner{VMID: 101}, "vmbr0", 0, "pve1", lease.Running),
			ip("10.0.0.6"): use("10.0.0.6", pve.Owner{VMID: 102}, "vmbr1", 20, "pve2", lease.Running),
			ip("10.0.0.7"): use("10.0.0.7", pve.Owner{VMID: 102}, "vmbr1", 0, "pve2", lease.Pending),
			ip("10.0.0.8"): use("10.0.0.8", pve.Owner{VMID: 102}, "vmbr1", 0, "pve2", lease.Snapshot),
			ip("10.0.0.9"): use("10.0.0.9", pve.Owner{Kind: pve.VM, VMID: 200}, "vmbr0", 0, "pve2", lease.Running),
		},
		Never: map[netip.Addr]string{
			ip("10.0.0.11"): "an address of this node", ip("10.0.0.12"): "an address of node pve2",
		},
		Nodes: []string{"pve2"}, Complete: true,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error("inventory (-want +got):", diff)
	}
}

// TestReadAgain: a second reading sees what changed, and only that.
func TestReadAgain(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve1", 102, "10.0.0.6")
	r := NewReader(tr.dir, "", none)
	read1(t, r)
	tr.ct("pve1", 102, "10.0.0.77")
	if err := os.Remove(filepath.Join(tr.dir, "nodes/pve1/lxc/101.conf")); err != nil {
		t.Fatal(err)
	}
	inv := read1(t, r)
	if len(inv.Uses) != 1 || len(inv.Uses[netip.MustParseAddr("10.0.0.77")]) != 1 || len(inv.Guests) != 1 {
		t.Errorf("second reading: %+v", inv)
	}
}

func TestUnreadableIsIncomplete(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5")
	// A directory in the place of a config can't be read by anybody.
	if err := os.Mkdir(filepath.Join(tr.dir, "nodes/pve1/lxc/102.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	inv := read1(t, NewReader(tr.dir, "", none))
	if _, exists := inv.Guests[102]; !exists || inv.Complete {
		t.Errorf("an unreadable guest must exist (%v) and the inventory be incomplete (%v)", exists, !inv.Complete)
	}
	if _, err := NewReader(filepath.Join(tr.dir, "nowhere"), "", none).Read(context.Background()); err == nil {
		t.Error("a missing /etc/pve is an empty cluster")
	}
}

// vmlist writes what pmxcfs shows of itself, in a notation of its own.
func (tr tree) vmlist(start int, ids string) tree {
	return tr.write(".version", fmt.Sprintf(`{"starttime": %d, "vmlist": 3}`, start)).
		write(".vmlist", `{"version": 3, "ids": {`+ids+`}}`)
}

// TestCache: a process reads only configs whose number changed since the last
// one saved, and everything after pmxcfs was started anew.
func TestCache(t *testing.T) {
	t.Parallel()
	const first = `"101":{"node":"pve1","type":"lxc","version":1},"102":{"node":"pve1","type":"lxc","version":2}`
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve1", 102, "10.0.0.6").vmlist(7, first)
	cached := filepath.Join(t.TempDir(), "inventory")
	open := func() *Reader { return NewClusterReader(clusterfs.At(tr.dir, ""), cached, none) }
	r := open()
	want := read1(t, r)
	r.Save()

	// The files change behind the list's back: who trusts the list sees the old.
	tr.ct("pve1", 101, "10.0.0.50").ct("pve1", 102, "10.0.0.60")
	if diff := cmp.Diff(want, read1(t, open()), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error("unchanged numbers (-want +got):", diff)
	}
	tr.vmlist(7, `"101":{"node":"pve1","type":"lxc","version":1},"102":{"node":"pve1","type":"lxc","version":3}`)
	inv := read1(t, open())
	if len(inv.Uses[netip.MustParseAddr("10.0.0.5")]) != 1 || len(inv.Uses[netip.MustParseAddr("10.0.0.60")]) != 1 {
		t.Errorf("one number changed: %v", inv.Uses)
	}
	tr.vmlist(8, first)
	inv = read1(t, open())
	if len(inv.Uses[netip.MustParseAddr("10.0.0.50")]) != 1 {
		t.Errorf("pmxcfs started anew: %v", inv.Uses)
	}
	if err := os.WriteFile(cached, []byte(cacheFormat+"rubbish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if inv := read1(t, open()); len(inv.Guests) != 2 {
		t.Errorf("damaged cache: %+v", inv)
	}
}

// TestManyReadOnce: of processes that find many configs changed at the same
// time one reads them, and the others wait and take it over.
func TestManyReadOnce(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	var ids []string
	for n := range many + 1 {
		tr.ct("pve1", 101+n, fmt.Sprintf("10.0.0.%d", 5+n))
		ids = append(ids, fmt.Sprintf(`"%d":{"node":"pve1","type":"lxc","version":%d}`, 101+n, 1+n))
	}
	tr.vmlist(7, strings.Join(ids, ","))
	cached := filepath.Join(t.TempDir(), "inventory")
	open := func() *Reader { return NewClusterReader(clusterfs.At(tr.dir, ""), cached, none) }
	first, second := open(), open()
	second.seen = second.cache.load().seen // before there is anything in it

	unlock := first.cache.lock(t.Context())
	done := make(chan lease.Inventory)
	go func() {
		inv, err := second.Read(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- inv
	}()
	l, err := first.list()
	if err != nil {
		t.Fatal(err)
	}
	first.seen = first.cache.load().seen
	first.readAll(t.Context(), first.outdated(l.files))
	first.Save()
	for n := range many + 1 { // behind the list's back: who reads these files sees other addresses
		tr.ct("pve1", 101+n, fmt.Sprintf("10.0.1.%d", 5+n))
	}
	select {
	case <-done:
		t.Fatal("the second one did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	inv := <-done
	for n := range many + 1 {
		if a := fmt.Sprintf("10.0.0.%d", 5+n); len(inv.Uses[netip.MustParseAddr(a)]) != 1 {
			t.Errorf("%s, which the first one had read, is not known to the second", a)
		}
	}
	if inv := read1(t, open()); len(inv.Uses[netip.MustParseAddr("10.0.0.5")]) != 1 {
		t.Error("a third one has read anew")
	}
}

// TestSaveInACrowd: what was read is saved, but not each little thing when others
// have just saved; never is a guest that is gone kept.
func TestSaveInACrowd(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").vmlist(7, entry(101, "pve1", 1))
	cached := filepath.Join(t.TempDir(), "inventory")
	after := func(ids string) (saved int) {
		tr.vmlist(7, ids)
		r := NewClusterReader(clusterfs.At(tr.dir, ""), cached, none)
		read1(t, r)
		r.Save()
		return len(cache(cached).load().seen)
	}
	tr.ct("pve1", 102, "10.0.0.6")
	both := entry(101, "pve1", 1) + "," + entry(102, "pve1", 2)
	if n := after(entry(101, "pve1", 1)); n != 1 {
		t.Errorf("nothing was saved before: now %d guests are", n)
	}
	if n := after(both); n != 1 {
		t.Errorf("one config more, saved a moment ago: now %d guests are", n)
	}
	if err := os.Chtimes(cached, time.Time{}, time.Now().Add(-2*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := after(both); n != 2 {
		t.Errorf("one config more, saved some time ago: now %d guests are", n)
	}
	if n := after(entry(101, "pve1", 1)); n != 1 {
		t.Errorf("one config less: now %d guests are saved", n)
	}
}

// TestManyWithoutLock: nobody waits for ever for another one's reading.
func TestManyWithoutLock(t *testing.T) {
	t.Parallel()
	c := cache(filepath.Join(t.TempDir(), "inventory"))
	unlock := c.lock(t.Context())
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	c.lock(ctx)() // must neither take nor give back what another one holds
	if ok, err := flock.New(string(c) + ".lock").TryLock(); ok || err != nil {
		t.Errorf("the lock that another one holds was free: %v, %v", ok, err)
	}
	cache(filepath.Join(t.TempDir(), "none", "\x00", "inventory")).lock(t.Context())()
}
