package lease_test

import (
	"maps"
	"slices"
	"testing"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// A node is known by the addresses that it probed from last.
func TestKnownProbers(t *testing.T) {
	t.Parallel()
	table := lease.NewTable()
	for i := range 100 {
		table.Known("pve1", "1", mac(byte(i)))
		if !table.Sibling(mac(byte(i))) {
			t.Fatalf("prober %d is a stranger", i)
		}
	}
	got := table.Nodes["pve1"].Probers
	if len(got) != 16 || got[0] != mac(84) || got[15] != mac(99) {
		t.Errorf("%d probers: %v", len(got), got)
	}
	if table.Known("pve1", "1", mac(0)); !table.Sibling(mac(0)) || len(table.Nodes["pve1"].Probers) != 16 {
		t.Error("one that was forgotten is not registered again")
	}
}

// A header that an older version filled is cut with the node's next change.
func TestKnownProbersOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	table := lease.NewTable()
	var many []pve.MAC
	for i := range 200 {
		many = append(many, mac(byte(i)))
	}
	table.Nodes["pve1"] = lease.NodeInfo{Version: "1", Probers: many}
	table.Known("pve1", "2", pve.MAC{})
	if n := len(table.Nodes["pve1"].Probers); n != 16 {
		t.Errorf("%d probers", n)
	}
}

// Nodes that the cluster no longer has leave the ledger with the next claim.
func TestNodesThatAreGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cluster []string
		want    []string
	}{
		"gone":                   {[]string{"pve1", "pve3"}, []string{"pve1", "pve3"}},
		"nobody knows":           {nil, []string{"pve1", "pve2", "pve3"}},
		"another cluster's list": {[]string{"other"}, []string{"pve1", "pve2", "pve3"}},
	} {
		s := newScene()
		for _, n := range []string{"pve1", "pve2", "pve3"} {
			s.t.Known(n, "1", mac(9))
		}
		s.w.Inventory.Nodes = c.cluster
		if _, err := s.acquire(want(101, "")); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(s.t.Nodes)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
