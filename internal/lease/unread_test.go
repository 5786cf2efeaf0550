package lease_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestUnread: while something can't be read of which nothing is known, only a
// proof decides about what is new to the ledger. What has a lease comes back.
func TestUnread(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scene  *scene
		known  bool
		want   lease.Want
		shared bool
	}{
		"a new lease":                     {newScene(), false, want(102, ""), true},
		"an address that its config has":  {newScene(), false, want(102, "10.0.0.205/24"), true},
		"a static one":                    {newScene(), false, want(102, "10.0.0.50/24"), true},
		"its own":                         {newScene().has(102, lease.Released, "10.0.0.205"), false, want(102, "10.0.0.205/24"), false},
		"its own, which it doesn't carry": {newScene().has(102, lease.Released, "10.0.0.205"), false, want(102, ""), false},
		"its own static one":              {newScene().has(102, lease.Released, "10.0.0.50", origin(lease.Static)), false, want(102, "10.0.0.50/24"), false},
		"what it last said stands in":     {newScene(), true, want(102, ""), false},
	} {
		s := c.scene
		s.w.Inventory.AddUnread(lease.Guest{VMID: 101, Node: "pve1"}, nil, lease.Unread{What: "101.conf", Why: "EIO", Known: c.known})
		if g, err := s.acquire(c.want); err != nil || g.AlsoNamed != c.shared {
			t.Errorf("%s: only a proof decides: %v, %v", name, g.AlsoNamed, err)
		}
		if s.w.Inventory.Complete {
			t.Errorf("%s: the inventory says that it is complete", name)
		}
	}
}

// TestUnreadOwnAddresses: a probe can't find an address on the node that sends
// it, so while a node's own are not known nothing new is leased there.
func TestUnreadOwnAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scene   *scene
		known   bool
		want    lease.Want
		refused bool
	}{
		"a new lease":                     {newScene(), false, want(102, ""), true},
		"an address that its config has":  {newScene(), false, want(102, "10.0.0.205/24"), true},
		"a static one":                    {newScene(), false, want(102, "10.0.0.50/24"), true},
		"its own":                         {newScene().has(102, lease.Released, "10.0.0.205"), false, want(102, "10.0.0.205/24"), false},
		"its own, which it doesn't carry": {newScene().has(102, lease.Released, "10.0.0.205"), false, want(102, ""), false},
		"its own static one":              {newScene().has(102, lease.Released, "10.0.0.50", origin(lease.Static)), false, want(102, "10.0.0.50/24"), false},
		"what was last known stands in":   {newScene(), true, want(102, ""), false},
	} {
		s := c.scene
		s.w.Inventory.Unread = []lease.Unread{{Part: lease.OwnAddresses, What: "the list of this node's own addresses", Why: "no buffer space available", Known: c.known}}
		_, err := s.acquire(c.want)
		if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "the list of this node's own addresses can't be read (no buffer space available)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnreadOwnAddressesAtADecline: a renewal that is pushed away gets nothing
// new either.
func TestUnreadOwnAddressesAtADecline(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{true, false} { // a spare, or whatever is next
		s := newScene().has(102, lease.Released, "10.0.0.205")
		g, err := s.acquire(want(102, "10.0.0.205/24"))
		if err != nil {
			t.Fatal(err)
		}
		s.w.Inventory.Unread = []lease.Unread{{Part: lease.OwnAddresses, What: "own", Why: "EIO"}}
		heard := []lease.Heard{{Addr: g.Lease.Addr, By: []pve.MAC{{2, 0, 0, 0, 0, 9}}, Taken: true}}
		for _, a := range g.Spares {
			heard = append(heard, lease.Heard{Addr: a, Silent: silent})
		}
		if _, _, err := s.t.Decline(s.w, g.Lease.Claim, g, heard); err == nil || !strings.Contains(err.Error(), "own can't be read (EIO)") {
			t.Errorf("spares silent %t: %v", silent, err)
		}
	}
}

// TestGiven: Proxmox's SDN counts as a config of who it has given an address to.
func TestGiven(t *testing.T) {
	t.Parallel()
	give := func(s *scene, addr string, id pve.VMID, w lease.Where) *scene {
		s.w.Inventory.Given = map[netip.Addr][]lease.Use{ip(addr): {{Addr: ip(addr), Owner: pve.Owner{Kind: pve.VM, VMID: id}, Where: w}}}
		return s
	}
	for name, c := range map[string]struct {
		scene  *scene
		want   lease.Want
		addr   string
		shared bool
	}{
		"to another guest":                    {give(newScene(), "10.0.0.200", 300, lease.SDN), want(102, ""), "10.0.0.201/24", false},
		"to somebody":                         {give(newScene(), "10.0.0.200", 0, lease.SDN), want(102, ""), "10.0.0.201/24", false},
		"to this guest":                       {give(newScene(), "10.0.0.200", 102, lease.SDN), want(102, ""), "10.0.0.200/24", false},
		"a gateway":                           {give(newScene(), "10.0.0.200", 0, lease.Router), want(102, ""), "10.0.0.201/24", false},
		"to another, and its config names it": {give(newScene(), "10.0.0.205", 300, lease.SDN), want(102, "10.0.0.205/24"), "10.0.0.205/24", true},
		"to itself, and its config names it":  {give(newScene(), "10.0.0.205", 102, lease.SDN), want(102, "10.0.0.205/24"), "10.0.0.205/24", false},
		"a gateway, and its config names it":  {give(newScene(), "10.0.0.205", 0, lease.Router), want(102, "10.0.0.205/24"), "10.0.0.205/24", false},
		"a stopped guest's, long released": {
			give(newScene(lan(func(p *lease.Pool) { p.Ranges[0].Last = ip("10.0.0.200") })).has(101, lease.Released, "10.0.0.200", ago(48*time.Hour)), "10.0.0.200", 101, lease.SDN),
			want(102, ""), "", false,
		},
	} {
		g, err := c.scene.acquire(c.want)
		if (err != nil) != (c.addr == "") || err == nil && (g.Address.String() != c.addr || g.AlsoNamed != c.shared) {
			t.Errorf("%s: %v, only a proof decides: %v, %v", name, g.Address, g.AlsoNamed, err)
		}
	}
}

// TestRebuildBesideSDN: an address that a config names and Proxmox's SDN has
// given to another is left to who starts first.
func TestRebuildBesideSDN(t *testing.T) {
	t.Parallel()
	s := newScene().names(101, lease.Running, "10.0.0.200").names(102, lease.Running, "10.0.0.201")
	s.w.Inventory.Given = map[netip.Addr][]lease.Use{
		ip("10.0.0.200"): {{Addr: ip("10.0.0.200"), Owner: ct(300), Where: lease.SDN}},
		ip("10.0.0.201"): {{Addr: ip("10.0.0.201"), Owner: ct(102), Where: lease.SDN}},
	}
	table, doubtful := lease.Rebuild(s.w, "id", func(lease.Guest) bool { return false })
	if len(doubtful) != 1 || doubtful[0] != ip("10.0.0.200") || table.Len() != 1 || len(table.Of(ct(102))) != 1 {
		t.Errorf("doubtful %v, %d leases", doubtful, table.Len())
	}
}
