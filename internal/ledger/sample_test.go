package ledger

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// tester is what *testing.T and *rapid.T have in common here.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

// sameTable compares tables by what the ledger stores.
func sameTable(t tester, want, got *lease.Table) {
	t.Helper()
	type content struct {
		Generation uint64
		Cluster    string
		Nodes      map[string]lease.NodeInfo
		Extra      string
		Leases     []lease.Lease
	}
	of := func(t *lease.Table) content {
		c := content{t.Generation, t.Cluster, t.Nodes, string(t.Extra), nil}
		for l := range t.All() {
			c.Leases = append(c.Leases, l)
		}
		return c
	}
	opts := cmp.Options{
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	}
	if diff := cmp.Diff(of(want), of(got), opts...); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

var noon = time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)

// typical is a lease as most are.
func typical(i int) lease.Lease {
	addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	at := noon.Add(time.Duration(i) * time.Second)
	return lease.Lease{
		Key:   lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: addr},
		Owner: pve.Owner{VMID: pve.VMID(100 + i)},
		Claim: lease.Claim{ID: fmt.Sprintf("k3%06x", i), Node: "pve1", Boot: "1a2b3c4d", Up: time.Duration(100+i) * time.Second, At: at},
		Gen:   uint64(i + 1), Since: at,
		MAC: pve.MAC{0xbc, 0x24, 0x11, 0, byte(i >> 8), byte(i)},
	}
}

// sample is a table of n leases with everything in it.
func sample(n int) *lease.Table {
	t := lease.NewTable()
	t.Generation, t.Cluster = uint64(n+1), "prod"
	t.Nodes["pve1"] = lease.NodeInfo{Version: "1.0.0", Probers: []pve.MAC{{0xbc, 0x24, 0x11, 0, 1, 0}}}
	t.Nodes["pve2"] = lease.NodeInfo{}
	for i := range n {
		l := typical(i)
		switch i % 10 {
		case 7:
			l.State, l.Since, l.Freed = lease.Released, noon.Add(time.Hour), i%20 == 7
		case 8:
			l.State, l.Until, l.Claim = lease.Offered, noon.Add(time.Hour), lease.Claim{ID: "x", At: noon}
			l.Segment = pve.NewSegment("vmbr1.5", 20, "pve2", "pve1")
			l.Owner.NIC, l.Owner.Kind = 3, pve.VM
		case 9:
			l.Owner, l.Claim, l.State = pve.Owner{}, lease.Claim{}, lease.Conflicted
			l.Port = "pve1:eno1"
		case 3:
			l.Origin, l.Unproven, l.Was = lease.Static, true, netip.MustParseAddr("192.0.2.7")
			l.Contested, l.Vouched = true, []pve.Owner{l.Owner, {Kind: pve.VM, VMID: 200, NIC: 1}}
			l.Extra = []byte(`"color":"red","deep":{"a":[1,"}"]}`)
		case 4:
			l.Origin, l.Missing, l.Addr = lease.Reserved, noon, netip.MustParseAddr(fmt.Sprintf("fd00::%x", i))
		}
		t.Add(l)
	}
	return t
}
