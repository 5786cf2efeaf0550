package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// mounted is a cluster of two nodes, its /etc/pve as pve1 has it and as pve2.
func mounted(t *testing.T) (c *pmxcfs.Cluster, one, two tree) {
	t.Helper()
	lab.RequireFUSE(t)
	c = pmxcfs.New("prod", "pve1", "pve2")
	for i, n := range c.Nodes() {
		tr := newTree(t)
		if err := n.Mount(tr.dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Unmount(); err != nil {
				t.Error(err)
			}
		})
		*[]*tree{&one, &two}[i] = tr
	}
	return c, one, two
}

func conf(node string, id int) string { return fmt.Sprintf("nodes/%s/lxc/%d.conf", node, id) }

func (tr tree) rename(from, to string) {
	tr.t.Helper()
	if err := os.Rename(filepath.Join(tr.dir, from), filepath.Join(tr.dir, to)); err != nil {
		tr.t.Fatal(err)
	}
}

// TestOnPmxcfs: what another node writes, moves and removes is seen at once,
// by a process that has read before and by the next one.
func TestOnPmxcfs(t *testing.T) {
	t.Parallel()
	_, one, two := mounted(t)
	cached := filepath.Join(t.TempDir(), "inventory")
	old := NewClusterReader(clusterfs.At(one.dir, ""), cached, none)
	if inv := read1(t, old); len(inv.Guests) != 0 || !inv.Complete {
		t.Errorf("an empty cluster: %+v", inv)
	}
	steps := map[string]struct {
		do   func()
		want []string
	}{
		"1 created": {func() { two.ct("pve2", 101, "10.0.0.5").ct("pve2", 102, "10.0.0.6") }, []string{"101@pve2 10.0.0.5", "102@pve2 10.0.0.6"}},
		"2 edited": {func() {
			two.write("nodes/pve2/lxc/101.conf.tmp.7", "net0: name=eth0,bridge=vmbr0,ip=10.0.0.77/24\n")
			two.rename("nodes/pve2/lxc/101.conf.tmp.7", conf("pve2", 101))
		}, []string{"101@pve2 10.0.0.77", "102@pve2 10.0.0.6"}},
		"3 migrated":  {func() { two.rename(conf("pve2", 101), conf("pve1", 101)) }, []string{"101@pve1 10.0.0.77", "102@pve2 10.0.0.6"}},
		"4 destroyed": {func() { _ = os.Remove(filepath.Join(one.dir, conf("pve2", 102))) }, []string{"101@pve1 10.0.0.77"}},
	}
	for _, name := range []string{"1 created", "2 edited", "3 migrated", "4 destroyed"} {
		steps[name].do()
		for who, r := range map[string]*Reader{"a process that read before": old, "the next one": NewClusterReader(clusterfs.At(one.dir, ""), cached, none)} {
			inv := read1(t, r)
			r.Save()
			var got []string
			for a, uses := range inv.Uses {
				for _, u := range uses {
					got = append(got, fmt.Sprintf("%s@%s %s", u.Owner.VMID, inv.Guests[u.Owner.VMID].Node, a))
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, steps[name].want) || len(inv.Guests) != len(steps[name].want) {
				t.Errorf("%s, %s: %q", name, who, got)
			}
		}
	}
}

// TestGuestOnItsWay: a guest that moves while the inventory is read is seen on
// one node at least, whatever call of ours its move comes before, and although
// pmxcfs lists it nowhere for a moment.
func TestGuestOnItsWay(t *testing.T) {
	t.Parallel()
	c, one, two := mounted(t)
	cached := filepath.Join(t.TempDir(), "inventory")
	one.ct("pve1", 101, "10.0.0.5").ct("pve2", 102, "10.0.0.6")
	r := NewClusterReader(clusterfs.At(one.dir, ""), cached, none)
	read1(t, r)
	r.Save()
	at := "pve1"
	for n := 1; ; n++ {
		calls, to := 0, map[string]string{"pve1": "pve2", "pve2": "pve1"}[at]
		c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
			if o.Node != "pve1" || o.Call == "rename" {
				return pmxcfs.Fault{}
			}
			if calls++; calls == n {
				c.Node("pve1").Unlist(101, 1)
				two.rename(conf(at, 101), conf(to, 101))
			}
			return pmxcfs.Fault{}
		})
		inv := read1(t, NewClusterReader(clusterfs.At(one.dir, ""), cached, none))
		c.Intercept(nil)
		if calls < n {
			t.Logf("an inventory makes %d calls", calls)
			return
		}
		at = to
		if len(namedBy(inv, "10.0.0.5")) != 1 || len(inv.Guests) != 2 || !inv.Complete {
			t.Errorf("moved before call %d: %+v", n, inv.Guests)
		}
	}
}

// TestConfigIsReplacedWhileOpen: Proxmox renames a new config over one that a
// process of the node has open. pmxcfs then moves the old one out of the way,
// and shows none to anybody until the new one is there.
func TestConfigIsReplacedWhileOpen(t *testing.T) {
	t.Parallel()
	c, one, two := mounted(t)
	cached := filepath.Join(t.TempDir(), "inventory")
	two.ct("pve2", 101, "10.0.0.5").ct("pve2", 102, "10.0.0.6")
	r := NewClusterReader(clusterfs.At(one.dir, ""), cached, none)
	read1(t, r)
	r.Save()
	open, err := os.Open(filepath.Join(two.dir, conf("pve2", 101)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	two.write("nodes/pve2/lxc/101.conf.tmp.7", "net0: name=eth0,bridge=vmbr0,ip=10.0.0.5/24\n")
	between, seen := make(chan struct{}), make(chan struct{}, 100)
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		switch {
		case o.Call == "rename" && o.To == conf("pve2", 101):
			close(between)
			for range 6 { // calls of the reader
				<-seen
			}
		case o.Node == "pve1":
			seen <- struct{}{}
		}
		return pmxcfs.Fault{}
	})
	renamed := make(chan lease.Inventory)
	go func() {
		<-between
		inv, _ := NewClusterReader(clusterfs.At(one.dir, ""), cached, none).Read(t.Context())
		renamed <- inv
	}()
	two.rename("nodes/pve2/lxc/101.conf.tmp.7", conf("pve2", 101))
	if inv := <-renamed; len(namedBy(inv, "10.0.0.5")) != 1 {
		t.Errorf("read in the middle of a rename: %+v", inv.Guests)
	}
}

// TestRestart: pmxcfs is started anew and numbers another config as it did the
// one before; who has read before sees that, and so does the next process.
func TestRestart(t *testing.T) {
	t.Parallel()
	c, one, two := mounted(t)
	cached := filepath.Join(t.TempDir(), "inventory")
	two.ct("pve2", 101, "10.0.0.5")
	restart := func(age time.Duration) { // the numbers of a young run would not be trusted
		c.Advance(-age)
		if err := c.Node("pve1").Restart(); err != nil {
			t.Fatal(err)
		}
		c.Advance(age)
	}
	restart(20 * time.Second)
	old := NewClusterReader(clusterfs.At(one.dir, ""), cached, none)
	read1(t, old)
	old.Save()
	before := old.last
	two.ct("pve2", 101, "10.0.0.50")
	restart(10 * time.Second)
	for who, r := range map[string]*Reader{"a process that read before": old, "the next one": NewClusterReader(clusterfs.At(one.dir, ""), cached, none)} {
		if inv := read1(t, r); len(namedBy(inv, "10.0.0.50")) != 1 || len(inv.Uses) != 1 {
			t.Errorf("%s: %v", who, inv.Uses)
		}
		if !slices.EqualFunc(before.files, r.last.files, func(a, b file) bool { return a.version[1] == b.version[1] }) {
			t.Error("the new run numbers otherwise: nothing was tested")
		}
	}
}

// TestRestartWhileReading: pmxcfs goes away between two listings, and numbers
// another config as it did the one that was read.
func TestRestartWhileReading(t *testing.T) {
	t.Parallel()
	c, one, two := mounted(t)
	two.ct("pve2", 101, "10.0.0.5").ct("pve2", 102, "10.0.0.6")
	restart := func(age time.Duration) {
		c.Advance(-age)
		if err := c.Node("pve1").Restart(); err != nil {
			t.Fatal(err)
		}
		c.Advance(age)
	}
	restart(20 * time.Second)
	r := between(NewClusterReader(clusterfs.At(one.dir, ""), "", none), func(n int) {
		if n == 2 {
			two.ct("pve2", 101, "10.0.0.50").ct("pve2", 102, "10.0.0.60")
			restart(10 * time.Second)
		}
	})
	if inv := read1(t, r); len(namedBy(inv, "10.0.0.50")) != 1 || len(inv.Uses) != 2 {
		t.Errorf("%v", inv.Uses)
	}
}

// TestNothingStaysOpen: after a crash pmxcfs is mounted anew only when nobody has
// a file open.
func TestNothingStaysOpen(t *testing.T) {
	t.Parallel()
	_, one, _ := mounted(t)
	one.ct("pve1", 101, "10.0.0.5")
	r := NewClusterReader(clusterfs.At(one.dir, ""), "", none)
	read1(t, r)
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatal(fds, err)
	}
	for _, fd := range fds {
		if name, err := os.Readlink(fd); err == nil && strings.HasPrefix(name, one.dir+"/") {
			t.Errorf("%s is open", name)
		}
	}
	if len(r.last.files) != 1 {
		t.Errorf("read %+v", r.last)
	}
}
