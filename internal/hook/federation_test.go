package hook_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// federation is several nodes whose /etc/pve is one pmxcfs, on one LAN.
type federation struct {
	*pmxcfs.Cluster
	hosts []*host
}

// newFederation makes the nodes pve1, pve2, … of the cluster prod, with these
// pools.
func newFederation(t testing.TB, pools string, n int) *federation {
	t.Helper()
	lab.RequireFUSE(t)
	f := lab.New(t)
	return found(t, f, f.LAN(), "prod", pools, n)
}

// found makes a cluster on a LAN. With one node it is a host of its own, which
// has no cluster's name.
func found(t testing.TB, f lab.Fixture, lan *lab.LAN, cluster, pools string, n int) *federation {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("pve%d", i+1)
	}
	c := &federation{Cluster: pmxcfs.New(cluster, names...)}
	if n == 1 {
		cluster = ""
	}
	bin := programs(t)
	for _, node := range c.Nodes() {
		h := &host{Fixture: f, t: t, root: t.TempDir(), bin: bin, lan: lan, cluster: cluster}
		h.node, h.cable = f.Node(node.Name(), lan)
		for _, dir := range []string{"/etc/pve", "/run/lock/lxc", "/run/systemd/journal"} {
			f.Must(os.MkdirAll(h.path(dir), 0o755))
		}
		f.Must(node.Mount(h.path("/etc/pve")))
		t.Cleanup(func() { f.Must(node.Unmount()) })
		f.Must(os.MkdirAll(h.path("/etc/pve/nodes/"+node.Name()+"/lxc"), 0o755))
		// Longer than usual: a busy machine must not end what a test is about.
		h.settings("deadline 3m\n")
		c.hosts = append(c.hosts, h)
	}
	c.hosts[0].write("/etc/pve/pve-iplease/pools.cfg", pools)
	return c
}

func TestNodesOfAClusterShareOneLedger(t *testing.T) {
	t.Parallel()
	c := newFederation(t, lan, 2)
	one, two := c.hosts[0], c.hosts[1]
	one.gateway()
	one.put(ct{id: 101, ip: "manual"})
	two.put(ct{id: 102, ip: "manual"})
	one.launch(one.command(program, one.call(101, "pre-start")...)).wait().exits(hook.OK).says("10.0.0.200/24")
	two.launch(two.command(program, two.call(102, "pre-start")...)).wait().exits(hook.OK).says("10.0.0.201/24")
	one.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	two.has(ct{id: 102, ip: "10.0.0.201/24", gw: "10.0.0.1"})
	two.phase(102, "post-stop").exits(hook.OK)
	for _, h := range c.hosts {
		h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 released pool")
	}
}

// A container that moves to another node keeps its address, and the late
// post-stop of the node it left takes nothing away from it.
func TestMigratedContainerKeepsItsLease(t *testing.T) {
	t.Parallel()
	c := newFederation(t, lan, 2)
	one, two := c.hosts[0], c.hosts[1]
	one.put(ct{id: 101, ip: "manual"})
	one.launch(one.command(program, one.call(101, "pre-start")...)).wait().exits(hook.OK)
	one.Must(os.Rename(one.path("/etc/pve/nodes/pve1/lxc/101.conf"), one.path("/etc/pve/nodes/pve2/lxc/101.conf")))
	two.launch(two.command(program, two.call(101, "pre-start")...)).wait().exits(hook.OK).says("10.0.0.200/24", "its lease since")
	one.phase(101, "post-stop").exits(hook.OK).says("CT 101 keeps 10.0.0.200 bound", "claimed by node pve2")
	two.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestWithoutQuorum(t *testing.T) {
	t.Parallel()
	c := newFederation(t, lan, 3)
	one := c.hosts[0]
	one.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	one.launch(one.command(program, one.call(101, "pre-start")...)).wait().exits(hook.OK)
	c.Stall(50 * time.Millisecond)
	c.Partition(c.Node("pve1"))
	// Its address stands in its config and the ledger can still be read.
	one.launch(one.command(program, one.call(101, "pre-start")...)).wait().exits(hook.OK)
	one.launch(one.command(program, one.call(102, "pre-start")...)).wait().exits(hook.Locked).says("error: ", "no quorum")
	one.phase(101, "post-stop").exits(hook.Locked).says("the lease of CT 101 stays bound", "no quorum")
	c.Heal()
	one.launch(one.command(program, one.call(102, "pre-start")...)).wait().exits(hook.OK).says("10.0.0.201/24")
}

// TestCrowdOnFourNodes: nobody's address twice, no sibling taken for a
// stranger, everybody gets through.
func TestCrowdOnFourNodes(t *testing.T) {
	t.Parallel()
	const each = 10
	c := newFederation(t, spacious, 4)
	c.hosts[0].gateway()
	var all []*running
	for i, h := range c.hosts {
		all = append(all, h.crowd(pve.VMID(101+100*i), each)...)
	}
	for _, r := range all {
		r.wait().exits(hook.OK).omits("error", "in use by")
	}
	for i, h := range c.hosts {
		first := pve.VMID(101 + 100*i)
		for id := first; id < first+each; id++ {
			h.claimOf(id)
		}
	}
	c.hosts[3].distinctIn(4 * each)
}

// distinctIn fails the test unless the ledger has n leases of n addresses.
func (h *host) distinctIn(n int) {
	h.t.Helper()
	addrs := map[string]bool{}
	for k, l := range h.leases() {
		if l.State != lease.Bound {
			h.t.Errorf("not a guest's lease: %s", summary(l))
		}
		addrs[k.Addr.String()] = true
	}
	if len(addrs) != n {
		h.t.Errorf("%d addresses are leased, want %d", len(addrs), n)
	}
}
