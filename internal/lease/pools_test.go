package lease_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// neighbours are pools that share subnets and bridges.
func neighbours() lease.Pools {
	span := func(first, last string) []pve.Range { return []pve.Range{{First: ip(first), Last: ip(last)}} }
	on := func(name, bridge string, vlan uint16, nodes []string, subnet string, r []pve.Range, excludes ...pve.Range) lease.Pool {
		return lease.Pool{Name: name, Bridge: bridge, VLAN: vlan, Nodes: nodes, Subnet: netip.MustParsePrefix(subnet), Ranges: r, Excludes: excludes}
	}
	return lease.Pools{
		on("lan", "vmbr0", 0, nil, "10.0.0.0/24", span("10.0.0.200", "10.0.0.239")),
		on("servers", "vmbr0", 0, nil, "10.0.0.0/24", span("10.0.0.100", "10.0.0.149"), pve.Range{First: ip("10.0.0.110"), Last: ip("10.0.0.119")}),
		on("wide", "vmbr0", 0, nil, "10.0.0.0/16", span("10.0.7.1", "10.0.7.9")),
		on("tagged", "vmbr0", 20, nil, "10.0.0.0/24", span("10.0.0.100", "10.0.0.239")),
		on("lab", "vmbr1", 0, nil, "10.0.0.0/24", span("10.0.0.50", "10.0.0.59")),
		on("east", "vmbr2", 0, []string{"pve1"}, "10.2.0.0/24", span("10.2.0.10", "10.2.0.19")),
		on("west", "vmbr2", 0, []string{"pve2", "pve3"}, "10.2.0.0/24", span("10.2.0.10", "10.2.0.19")),
		on("six", "vmbr0", 0, nil, "2001:db8::/64", span("2001:db8::10", "2001:db8::1f")),
	}
}

// TestPoolsOf: segment first, then range before subnet, and never the order of
// the sections.
func TestPoolsOf(t *testing.T) {
	t.Parallel()
	here := func(bridge string, tag uint16, nodes ...string) pve.Segment {
		return pve.NewSegment(bridge, tag, nodes...)
	}
	for _, c := range []struct {
		addr string
		on   pve.Segment
		want string
	}{
		{"10.0.0.200", here("vmbr0", 0), "lan"},
		{"10.0.0.100", here("vmbr0", 0), "servers"},
		{"10.0.0.100", here("vmbr0", 0, "pve1"), "servers"},
		{"10.0.0.115", here("vmbr0", 0), "servers"}, // excluded there, and in no other range
		{"10.0.0.115", here("vmbr0", 20), "tagged"},
		{"10.0.0.5", here("vmbr0", 0), "lan"}, // of two equals the first by name
		{"10.0.9.5", here("vmbr0", 0), "wide"},
		{"10.0.7.5", here("vmbr0", 0), "wide"},
		{"10.0.0.200", here("vmbr1", 0), "lab"},
		{"10.0.0.200", here("vmbr0", 30), ""},
		{"10.0.0.200", here("vmbr9", 0), ""},
		{"10.0.0.55", pve.Segment{}, "lab"}, // without a bridge the ranges tell
		{"10.2.0.10", here("vmbr2", 0, "pve1"), "east"},
		{"10.2.0.10", here("vmbr2", 0, "pve3"), "west"},
		{"10.2.0.10", here("vmbr2", 0, "pve4"), ""},
		{"10.2.0.10", here("vmbr2", 0, "pve2", "pve3"), "west"},
		{"10.2.0.10", here("vmbr2", 0), "east"},
		{"2001:db8::11", here("vmbr0", 0), "six"},
		{"2001:db8:1::11", here("vmbr0", 0), ""},
		{"192.0.2.1", pve.Segment{}, ""},
	} {
		for turn := range neighbours() {
			pools := neighbours()
			pools = slices.Concat(pools[turn:], pools[:turn])
			for range 2 {
				got := ""
				if p := pools.Of(lease.Key{Segment: c.on, Addr: ip(c.addr)}); p != nil {
					got = p.Name
				}
				if got != c.want {
					t.Errorf("%s on %s belongs to %q, want %q (sections from %s on)", c.addr, c.on, got, c.want, pools[0].Name)
				}
				slices.Reverse(pools)
			}
		}
	}
}

// TestTwoPoolsInOneSubnet: what a pool says of its addresses holds wherever
// its section stands.
func TestTwoPoolsInOneSubnet(t *testing.T) {
	t.Parallel()
	day := lan()
	forever := lan(func(p *lease.Pool) {
		p.Name, p.Ranges, p.Hold = "kept", []pve.Range{{First: ip("10.0.0.100"), Last: ip("10.0.0.100")}}, lease.Forever
	})
	for _, pools := range [][]lease.Pool{{day, forever}, {forever, day}} {
		s := newScene(pools...).has(101, lease.Released, "10.0.0.100", ago(1000*time.Hour))
		for id := range pve.VMID(10) { // the other pool is full
			s.has(300+id, lease.Bound, fmt.Sprintf("10.0.0.20%d", id))
		}
		if g, err := s.acquire(want(102, "")); err == nil {
			t.Errorf("with pool %s first CT 102 gets %s of CT 101, whose pool holds for ever", pools[0].Name, g.Address)
		}
		if g, err := s.acquire(want(101, "10.0.0.100/24")); err != nil || g.Pool.Name != "kept" {
			t.Errorf("with pool %s first CT 101 comes back to %+v, %v", pools[0].Name, g.Pool, err)
		}
	}
}

// TestRebuildOneSubnet: a lease that is made again from a config is of the
// pool that has the address, wherever its section stands.
func TestRebuildOneSubnet(t *testing.T) {
	t.Parallel()
	far := lan(func(p *lease.Pool) {
		p.Name, p.Nodes, p.Ranges = "far", []string{"pve1", "pve2"}, []pve.Range{{First: ip("10.0.0.100"), Last: ip("10.0.0.109")}}
	})
	for _, pools := range [][]lease.Pool{{lan(), far}, {far, lan()}} {
		s := newScene(pools...).names(101, lease.Running, "10.0.0.100").names(102, lease.Running, "10.0.0.200")
		table, doubtful := lease.Rebuild(s.w, "id", func(lease.Guest) bool { return false })
		got := map[string]string{}
		for l := range table.All() {
			got[l.Addr.String()] = l.Segment.String() + " " + l.Origin.String()
		}
		if diff := cmp.Diff(map[string]string{"10.0.0.100": "vmbr0@pve1,pve2 pool", "10.0.0.200": "vmbr0 pool"}, got); diff != "" || len(doubtful) > 0 {
			t.Errorf("with pool %s first: -want +got:\n%s", pools[0].Name, diff)
		}
	}
}
