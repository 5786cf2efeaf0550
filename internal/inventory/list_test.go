package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// entry is a container in .vmlist.
func entry(id int, node string, version int) string {
	return fmt.Sprintf(`"%d":{"node":"%s","type":"lxc","version":%d}`, id, node, version)
}

// between has f called before each listing, with its number from 1 on.
func between(r *Reader, f func(n int)) *Reader {
	list, n := r.list, 0
	r.list = func() (listing, error) {
		n++
		f(n)
		return list()
	}
	return r
}

func namedBy(inv lease.Inventory, a string) (ids []pve.VMID) {
	for _, u := range inv.Uses[netip.MustParseAddr(a)] {
		ids = append(ids, u.Owner.VMID)
	}
	return ids
}

// TestMigration: a guest that the list still shows on its old node.
func TestMigration(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve2", 101, "10.0.0.5").vmlist(7, entry(101, "pve1", 1))
	r := between(NewClusterReader(clusterfs.At(tr.dir, ""), "", none), func(n int) {
		if n == 2 {
			tr.vmlist(7, entry(101, "pve2", 2))
		}
	})
	if inv := read1(t, r); inv.Guests[101].Node != "pve2" || !inv.Complete || len(inv.Uses) != 1 {
		t.Errorf("a guest on its way: %+v", inv)
	}
}

// TestMigrationWhileWalking: without pmxcfs's list a guest may move from a
// directory that is read later to one that was read already.
func TestMigrationWhileWalking(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve2", 101, "10.0.0.5").write("nodes/pve1/lxc/102.conf", "")
	r := NewReader(tr.dir, "", none)
	walk, n := r.list, 0
	r.list = func() (l listing, err error) {
		if l, err = walk(); n == 0 {
			l.files = l.files[:1] // pve1 was read before the move, pve2 after it
			tr.ct("pve1", 101, "10.0.0.5")
			if err := os.Remove(filepath.Join(tr.dir, "nodes/pve2/lxc/101.conf")); err != nil {
				t.Error(err)
			}
		}
		n++
		return l, err
	}
	if inv := read1(t, r); inv.Guests[101].Node != "pve1" || len(namedBy(inv, "10.0.0.5")) != 1 {
		t.Errorf("a guest on its way: %+v", inv)
	}
}

// TestListedNowhere: in the middle of a migration, and of a rename over an
// open file, the list has no trace of a guest that was known before.
func TestListedNowhere(t *testing.T) {
	t.Parallel()
	cached := filepath.Join(t.TempDir(), "inventory")
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve1", 102, "10.0.0.6").vmlist(7, entry(101, "pve1", 1)+","+entry(102, "pve1", 2))
	r := NewClusterReader(clusterfs.At(tr.dir, ""), cached, none)
	read1(t, r)
	r.Save()
	tr.vmlist(7, entry(102, "pve1", 2))
	r = between(NewClusterReader(clusterfs.At(tr.dir, ""), cached, none), func(n int) {
		if n == 5 {
			tr.vmlist(7, entry(101, "pve1", 3)+","+entry(102, "pve1", 2))
		}
	})
	if inv := read1(t, r); len(namedBy(inv, "10.0.0.5")) != 1 {
		t.Errorf("listed nowhere for a moment: %+v", inv)
	}
	// One that stays away is gone, and forgotten.
	tr.vmlist(7, entry(102, "pve1", 2))
	r = NewClusterReader(clusterfs.At(tr.dir, ""), cached, none)
	if inv := read1(t, r); len(inv.Guests) != 1 || !inv.Complete {
		t.Errorf("destroyed: %+v", inv)
	}
	r.Save()
	if seen := cache(cached).load().seen; len(seen) != 1 {
		t.Errorf("kept %d guests", len(seen))
	}
}

// TestAddressThatMovesToAnotherGuest: at each moment one of two configs names
// it, but the one that is read first doesn't yet, and the other no more.
func TestAddressThatMovesToAnotherGuest(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.9").ct("pve1", 102, "10.0.0.8").vmlist(7, entry(101, "pve1", 1)+","+entry(102, "pve1", 2))
	r := between(NewClusterReader(clusterfs.At(tr.dir, ""), "", none), func(n int) {
		if n == 2 { // 102 had 10.0.0.5 when 101 was read, and 101 when 102 was
			tr.ct("pve1", 101, "10.0.0.5").vmlist(7, entry(101, "pve1", 3)+","+entry(102, "pve1", 4))
		}
	})
	if inv := read1(t, r); len(namedBy(inv, "10.0.0.5")) != 1 {
		t.Errorf("an address on its way: %v", inv.Uses)
	}
}

// TestClusterThatNeverStandsStill: every listing differs from the last.
func TestClusterThatNeverStandsStill(t *testing.T) {
	t.Parallel()
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve1", 102, "10.0.0.6")
	last := 0
	r := between(NewClusterReader(clusterfs.At(tr.dir, ""), "", none), func(n int) {
		tr.vmlist(7, entry(101, "pve1", n)+","+entry(102, "pve1", 1000))
		last = n
	})
	if inv := read1(t, r); len(inv.Guests) != 2 || len(inv.Uses) != 2 || last < tries {
		t.Errorf("after %d listings: %+v", last, inv)
	}
	tr = newTree(t)
	r = between(NewClusterReader(clusterfs.At(tr.dir, ""), "", none), func(n int) { tr.vmlist(7, entry(101, "pve1", n)) })
	if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "keep vanishing") {
		t.Errorf("a config that is never there: %v", err)
	}
}

// TestClusterInWhichAConfigIsAlwaysGone: at each moment one of two guests is
// being edited, and its file is away, as rename over an open one has it on
// pmxcfs. Each was read once, which is what counts; also for the one that the
// last listing leaves out.
func TestClusterInWhichAConfigIsAlwaysGone(t *testing.T) {
	t.Parallel()
	both := func(n int) string { return entry(101, "pve1", n) + "," + entry(102, "pve1", n) }
	for name, list := range map[string]func(n int) string{
		"listed": both,
		"left out": func(n int) string {
			if n > 2*patience {
				return entry(101+n/4%2, "pve1", n)
			}
			return both(n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t).ct("pve1", 101, "10.0.0.5").ct("pve1", 102, "10.0.0.6")
			conf := [2]string{filepath.Join(tr.dir, "nodes/pve1/lxc/101.conf"), filepath.Join(tr.dir, "nodes/pve1/lxc/102.conf")}
			away := func(i int) string { return conf[i] + ".tmp" }
			gone := 1
			if err := os.Rename(conf[gone], away(gone)); err != nil {
				t.Fatal(err)
			}
			r := between(NewClusterReader(clusterfs.At(tr.dir, ""), "", none), func(n int) {
				tr.vmlist(7, list(n))
				if n%4 != 1 { // each of a pair of readings finds the same one gone
					return
				}
				if err := errors.Join(os.Rename(away(gone), conf[gone]), os.Rename(conf[1-gone], away(1-gone))); err != nil {
					t.Error(err)
				}
				gone = 1 - gone
			})
			if inv := read1(t, r); !inv.Complete || len(inv.Guests) != 2 || len(inv.Uses) != 2 {
				t.Errorf("%+v", inv)
			}
		})
	}
}

// TestFirstSecondsOfARun: two runs of pmxcfs may begin in one second.
func TestFirstSecondsOfARun(t *testing.T) {
	t.Parallel()
	start := int(time.Now().Unix()) + 1
	for start > int(time.Now().Unix()) {
		time.Sleep(10 * time.Millisecond)
	}
	tr := newTree(t).ct("pve1", 101, "10.0.0.5").vmlist(start, entry(101, "pve1", 1))
	r := NewClusterReader(clusterfs.At(tr.dir, ""), "", none)
	read1(t, r)
	tr.ct("pve1", 101, "10.0.0.50")
	if inv := read1(t, r); len(namedBy(inv, "10.0.0.50")) != 1 {
		t.Errorf("a number of a young run was believed: %v", inv.Uses)
	}
}

func TestTrusted(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for start, want := range map[uint64]int64{7: 7, 997: 997, 998: 0, 1000: 0, 1001: 1001} {
		if got := trusted(start, now); got != want {
			t.Errorf("a run since %d at 1000 is known by %d, want %d", start, got, want)
		}
	}
}

// TestParseList: pmxcfs's own notation, any other, and what is neither.
func TestParseList(t *testing.T) {
	t.Parallel()
	const lines = "{\n\"version\": 9,\n\"ids\": {\n" +
		"\"101\": { \"node\": \"pve1\", \"type\": \"lxc\", \"version\": 7 },\n" +
		"\"99\": { \"node\": \"pve1\", \"type\": \"lxc\", \"version\": 8 },\n" +
		"\"300\": { \"node\": \"pve1\", \"type\": \"openvz\", \"version\": 9 },\n" +
		"\"200\": { \"node\": \"pve-2\", \"type\": \"qemu\", \"version\": 12 }}\n\n}\n"
	want := []file{{place{"pve1", pve.Container, 101}, version{1: 7}}, {place{"pve-2", pve.VM, 200}, version{1: 12}}}
	tests := map[string]struct {
		text  string
		quick bool
		want  []file // nil with an error
		fails bool
	}{
		"as it is":     {lines, true, want, false},
		"no guest":     {"{\n\"version\": 1\n\n}\n", true, nil, false},
		"one line":     {strings.ReplaceAll(lines, "\n", ""), false, want, false},
		"one key more": {strings.ReplaceAll(lines, `"version": 7`, `"version": 7, "x": 1`), false, want, false},
		"half":         {lines[:100], false, nil, true},
		"torn":         {lines[:60] + lines[80:], false, nil, true},
		"more":         {lines + "\n}", false, nil, true},
		"long number":  {strings.ReplaceAll(lines, "101", "10000000000101"), false, want[1:], false},
		"empty":        {"", false, nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, quick := scanList(tt.text); quick != tt.quick {
				t.Errorf("read the quick way: %v", quick)
			}
			got, err := parseList(tt.text)
			less := func(a, b file) bool { return a.vmid < b.vmid }
			if diff := cmp.Diff(tt.want, sorted(got, less), cmp.AllowUnexported(file{}, place{})); diff != "" || tt.fails != (err != nil) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// FuzzScanList: what the quick way accepts, the JSON decoder reads the same.
func FuzzScanList(f *testing.F) {
	f.Add("{\n\"version\": 9,\n\"ids\": {\n\"101\": { \"node\": \"pve1\", \"type\": \"lxc\", \"version\": 7 }}\n\n}\n")
	f.Add("{\n\"version\": 1\n\n}\n")
	f.Add("{\n\"version\": 0,\n\"ids\": {\n\"100\": { \"node\": \"\xf2\", \"type\": \"lxc\", \"version\": 0 }}\n\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, ok := scanList(text)
		if !ok {
			return
		}
		slow, err := parseList(" " + text) // a blank more than the quick way takes
		if err != nil {
			return // a number too large, or a byte that JSON forbids in a name
		}
		seen := map[file]bool{}
		for _, f := range files {
			seen[f] = true
		}
		for _, f := range slow {
			if !seen[f] {
				t.Errorf("%q: %+v is missing", text, f)
			}
		}
	})
}
