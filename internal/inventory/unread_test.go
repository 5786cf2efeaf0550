package inventory

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
)

// spoil puts a directory in the place of a file, which nobody can read, root
// neither.
func (tr tree) spoil(name string) tree {
	tr.t.Helper()
	path := filepath.Join(tr.dir, name)
	if err := errors.Join(os.RemoveAll(path), os.MkdirAll(path, 0o755)); err != nil {
		tr.t.Fatal(err)
	}
	return tr
}

// told is what an inventory says could not be read.
func told(inv lease.Inventory) (all []string) {
	for _, u := range inv.Unread {
		all = append(all, u.String())
	}
	return all
}

func wantTold(t *testing.T, inv lease.Inventory, want ...string) {
	t.Helper()
	got := told(inv)
	for i, w := range want {
		if len(got) <= i || !strings.Contains(got[i], w) {
			t.Errorf("it says %q, want %q", got, want)
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// TestUnreadConfigs: what a config last said counts while it can't be read, in
// the next process too, and on the node that the guest is on now; one of which
// nothing is known makes the inventory blind.
func TestUnreadConfigs(t *testing.T) {
	t.Parallel()
	for _, numbered := range []bool{false, true} {
		tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve1", 102, "10.0.0.6")
		cached := filepath.Join(t.TempDir(), "inventory")
		open := func() *Reader { return NewReader(tr.dir, cached, none) }
		list := func(node string, version int) {}
		if numbered {
			open = func() *Reader { return NewClusterReader(clusterfs.At(tr.dir, ""), cached, none) }
			list = func(node string, version int) {
				tr.vmlist(7, entry(101, "pve1", 1)+","+entry(102, node, version))
			}
		}
		list("pve1", 2)
		r := open()
		wantTold(t, read1(t, r))
		r.Save()

		tr.spoil("nodes/pve1/lxc/102.conf")
		list("pve1", 3)
		for who, r := range map[string]*Reader{"the same process": r, "the next one": open()} {
			inv := read1(t, r)
			wantTold(t, inv, "nodes/pve1/lxc/102.conf can't be read (is a directory): what it last said counts")
			if len(namedBy(inv, "10.0.0.6")) != 1 || inv.Complete || inv.Blind() != nil || !inv.Guests[102].Hooked {
				t.Errorf("%s: %+v", who, inv)
			}
			r.Save()
		}

		// It is on another node now, and can't be read there either.
		if err := os.Remove(filepath.Join(tr.dir, "nodes/pve1/lxc/102.conf")); err != nil {
			t.Fatal(err)
		}
		tr.spoil("nodes/pve2/lxc/102.conf")
		list("pve2", 4)
		for range 3 {
			r = open()
			inv := read1(t, r)
			wantTold(t, inv, "nodes/pve2/lxc/102.conf")
			if u := inv.Uses[netip.MustParseAddr("10.0.0.6")]; len(u) != 1 || u[0].Segment.Nodes != "pve2" || inv.Guests[102].Node != "pve2" || inv.Blind() != nil {
				t.Errorf("after it moved: %+v", inv)
			}
			r.cache.save(r.memory)
		}

		// Nothing is known after a boot.
		if err := os.Remove(cached); err != nil {
			t.Fatal(err)
		}
		inv := read1(t, open())
		wantTold(t, inv, "nodes/pve2/lxc/102.conf can't be read (is a directory), and which addresses it names is not known")
		if inv.Blind() == nil || inv.Complete || inv.Guests[102].Node != "pve2" {
			t.Errorf("with nothing known: %+v", inv)
		}
		if err := os.Remove(filepath.Join(tr.dir, "nodes/pve2/lxc/102.conf")); err != nil {
			t.Fatal(err)
		}
		tr.ct("pve2", 102, "10.0.0.8")
		list("pve2", 5)
		if inv := read1(t, open()); len(inv.Unread) > 0 || !inv.Complete || len(namedBy(inv, "10.0.0.8")) != 1 {
			t.Errorf("once it can be read: %+v", inv)
		}
	}
}

// TestLongConfig: nothing that pmxcfs would take is as long, and memory is not
// given to a file that wants it.
func TestLongConfig(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").write("nodes/pve1/lxc/102.conf", strings.Repeat("#", fastio.Most)+"\n")
	wantTold(t, read1(t, NewReader(tr.dir, "", none)), "nodes/pve1/lxc/102.conf can't be read (file too large)")
}

// TestUnreadDirectory: a node's directory that can't be listed holds what it
// held.
func TestUnreadDirectory(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve2", 102, "10.0.0.6")
	r := NewReader(tr.dir, "", none)
	read1(t, r)
	if err := os.RemoveAll(filepath.Join(tr.dir, "nodes/pve2/lxc")); err != nil {
		t.Fatal(err)
	}
	tr.write("nodes/pve2/lxc", "a file in the directory's place")
	for range 2 {
		inv := read1(t, r)
		wantTold(t, inv, "nodes/pve2/lxc can't be read (not a directory): what it last said counts", "nodes/pve2/lxc/102.conf")
		if len(namedBy(inv, "10.0.0.6")) != 1 || inv.Complete || inv.Blind() != nil {
			t.Errorf("what it held: %+v", inv)
		}
	}
	inv := read1(t, NewReader(tr.dir, "", none))
	wantTold(t, inv, "nodes/pve2/lxc can't be read (not a directory), and which")
	if inv.Blind() == nil || inv.Complete {
		t.Errorf("with nothing known: %+v", inv)
	}
}

// TestUnreadList: the guests that there were stand in for a list that can't be
// had; without any there is no inventory.
func TestUnreadList(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").vmlist(7, entry(101, "pve1", 1))
	cached := filepath.Join(t.TempDir(), "inventory")
	r := NewClusterReader(clusterfs.At(tr.dir, ""), cached, none)
	read1(t, r)
	r.Save()
	tr.write(".vmlist", "rubbish")
	for who, r := range map[string]*Reader{"the same process": r, "the next one": NewClusterReader(clusterfs.At(tr.dir, ""), cached, none)} {
		inv := read1(t, r)
		wantTold(t, inv, "the list of all guests can't be read (list of guests: .vmlist is no JSON; see whether pmxcfs is well): what it last said counts")
		if len(namedBy(inv, "10.0.0.5")) != 1 || inv.Complete || inv.Blind() != nil {
			t.Errorf("%s: %+v", who, inv)
		}
	}
	if _, err := NewClusterReader(clusterfs.At(tr.dir, ""), "", none).Read(t.Context()); err == nil {
		t.Error("without anything known an unreadable list is an inventory")
	}
}

// TestUnreadAddresses: this node's own addresses, and those of the others.
func TestUnreadAddresses(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5")
	cached := filepath.Join(t.TempDir(), "inventory")
	broken := false
	self := func() ([]netip.Prefix, error) {
		if broken {
			return nil, errors.New("netlink receive: no buffer space available")
		}
		return []netip.Prefix{netip.MustParsePrefix("10.0.0.11/24")}, nil
	}
	open := func() *Reader { return NewReader(tr.dir, cached, self) }
	r := open()
	read1(t, r)
	r.Save()
	broken = true
	for who, r := range map[string]*Reader{"the same process": r, "the next one": open()} {
		inv := read1(t, r)
		wantTold(t, inv, "this node's own addresses can't be read (netlink receive: no buffer space available): what it last said counts")
		if inv.Never[netip.MustParseAddr("10.0.0.11")] == "" || inv.Blind() != nil || !inv.Complete {
			t.Errorf("%s: %+v", who, inv)
		}
	}
	inv := read1(t, NewReader(tr.dir, "", self))
	if wantTold(t, inv, "this node's own addresses can't be read"); inv.Blind() == nil {
		t.Errorf("with nothing known: %+v", inv)
	}
	broken = false
	tr.spoil(".members")
	inv = read1(t, open())
	if wantTold(t, inv, "/.members can't be read (is a directory), and which"); inv.Blind() == nil {
		t.Errorf("the other nodes' addresses: %+v", inv)
	}
}

// TestGiven: what Proxmox's SDN has given away belongs to the inventory.
func TestGiven(t *testing.T) {
	t.Parallel()
	const state = `{"zones":{"z":{"subnets":{"10.0.0.0/24":{"ips":{"10.0.0.1":{"gateway":1},"10.0.0.50":{"vmid":200},
"10.0.0.51":{"mac":"BC:24:11:00:00:01"},"10.0.0.52":{"mac":"02:00:00:00:00:01"},"10.0.0.53":{"vmid":"101"}}}}}}}`
	for _, file := range ipamFiles {
		tr := newTree(t).ct("pve1", 101, "10.0.0.5").write("nodes/pve1/qemu-server/200.conf", "name: db\n").write(file, state)
		cached := filepath.Join(t.TempDir(), "inventory")
		r := NewReader(tr.dir, cached, none)
		whose := func(inv lease.Inventory) (all []string) {
			for a, uses := range inv.Given {
				for _, u := range uses {
					all = append(all, a.String()+" "+u.Owner.Guest()+" "+u.Where.String())
				}
			}
			slices.Sort(all)
			return all
		}
		want := []string{"10.0.0.1 CT 0 SDN's gateway", "10.0.0.50 VM 200 SDN", "10.0.0.51 CT 101 SDN", "10.0.0.52 CT 0 SDN", "10.0.0.53 CT 101 SDN"}
		if got := whose(read1(t, r)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", file, got)
		}
		r.Save()

		// Half of it, as a bad disk leaves it; then as nobody can read it.
		for n, spoil := range []func(){func() { tr.write(file, state[:50]) }, func() { tr.spoil(file) }} {
			spoil()
			for who, r := range map[string]*Reader{"the same process": r, "the next one": NewReader(tr.dir, cached, none)} {
				inv := read1(t, r)
				wantTold(t, inv, "the IPAM file of Proxmox's SDN")
				if got := whose(inv); !slices.Equal(got, want) || inv.Blind() != nil || !inv.Complete {
					t.Errorf("%s, spoiled in way %d, %s: %q, %+v", file, n, who, got, inv.Unread)
				}
			}
			if inv := read1(t, NewReader(tr.dir, "", none)); inv.Blind() == nil {
				t.Errorf("%s: with nothing known: %+v", file, inv)
			}
		}
		if err := os.Remove(filepath.Join(tr.dir, file)); err != nil {
			t.Fatal(err)
		}
		if inv := read1(t, r); len(inv.Given) > 0 || len(inv.Unread) > 0 {
			t.Errorf("%s: without it %+v", file, inv)
		}
	}
}

// TestGivenIsReadOnce: a file that hasn't changed is not parsed again, by the
// next process neither.
func TestGivenIsReadOnce(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").write(ipamFiles[0], `{"zones":{"z":{"subnets":{"n":{"ips":{"10.0.0.50":{"vmid":200}}}}}}}`)
	cached := filepath.Join(t.TempDir(), "inventory")
	r := NewReader(tr.dir, cached, none)
	read1(t, r)
	var dir fastio.Dir
	defer dir.Close()
	v, _, err := stat(&dir, tr.dir, ipamFiles[0])
	if err != nil {
		t.Fatal(err)
	}
	r.given.version = v // it is not young any more
	r.given.entries[0].VMID = 300
	r.cache.save(r.memory)
	for who, r := range map[string]*Reader{"the same process": r, "the next one": NewReader(tr.dir, cached, none)} {
		if u := read1(t, r).Given[netip.MustParseAddr("10.0.0.50")]; len(u) != 1 || u[0].Owner.VMID != 300 {
			t.Errorf("%s reads it again: %+v", who, u)
		}
	}
}
