package lease_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lease"
)

func TestRebuild(t *testing.T) {
	t.Parallel()
	s := newScene().
		names(101, lease.Running, "10.0.0.201").
		names(102, lease.Running, "10.0.0.50").
		names(103, lease.Running, "10.0.0.202").names(104, lease.Running, "10.0.0.202").
		names(105, lease.Running, "10.0.0.203").names(105, lease.Snapshot, "10.0.0.204").
		names(300, lease.Running, "10.0.0.205").
		names(301, lease.Running, "10.0.0.206").
		names(302, lease.Pending, "10.0.0.207").
		names(303, lease.Running, "10.0.0.208").names(304, lease.Running, "10.0.0.209")
	s.w.Inventory.Guests[303] = lease.Guest{VMID: 303, Node: "pve1", Hooked: true}
	s.w.Inventory.Guests[304] = lease.Guest{VMID: 304, Node: "pve2", Hooked: true}
	s.w.Inventory.Guests[300] = lease.Guest{VMID: 300, Node: "pve1"}
	s.w.Inventory.Guests[301] = lease.Guest{VMID: 301, Node: "pve1", Hooked: true, Template: true}
	s.w.Reservations = []lease.Reservation{{Addr: ip("10.0.0.203"), Owner: ct(105)}}
	table, doubtful := lease.Rebuild(s.w, "repair", func(g lease.Guest) bool { return g.VMID >= 303 })
	got := map[string]string{}
	for l := range table.All() {
		got[l.Addr.String()] = l.Owner.String() + " " + l.Origin.String() + " " + l.State.String()
	}
	want := map[string]string{
		"10.0.0.201": "ct/101/net0 pool bound",
		"10.0.0.50":  "ct/102/net0 static bound",
		"10.0.0.203": "ct/105/net0 reserved bound",
		"10.0.0.208": "ct/303/net0 pool released",
		"10.0.0.209": "ct/304/net0 pool bound", // only its own node knows
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("rebuilt (-want +got):", diff)
	}
	if diff := cmp.Diff([]netip.Addr{ip("10.0.0.202")}, doubtful, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error("doubtful (-want +got):", diff)
	}
}
