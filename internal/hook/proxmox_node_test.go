package hook_test

import (
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

// A restart migration stops on one node and starts on the other within
// seconds.
func TestMigrationTakesTheAddressAlong(t *testing.T) {
	t.Parallel()
	one := newPVE(t, lan)
	two := one.second()
	one.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	one.OK(one.p.Start(101))
	one.log(one.p.Migrate(101, two.p)).says("CT 101 net0 has 10.0.0.200/24", "its lease since")
	two.boots(101, "10.0.0.200/24")
	one.log(one.p.Start(102)).says("CT 102 net0 has 10.0.0.201/24")
	one.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
	for _, l := range one.leases() {
		if want := map[pve.VMID]string{101: "pve2", 102: "pve1"}[l.Owner.VMID]; l.Claim.Node != want {
			t.Errorf("%s was claimed by node %s, want %s", summary(l), l.Claim.Node, want)
		}
	}
	two.OK(two.p.Stop(101))
	one.records("10.0.0.200 ct/101/net0 released pool", "10.0.0.201 ct/102/net0 bound pool")
}

// High availability brings a guest up elsewhere without any stop.
func TestTakeoverByAnotherNodeTakesTheAddressAlong(t *testing.T) {
	t.Parallel()
	one := newPVE(t, lan)
	two := one.second()
	one.put(ct{id: 101, ip: "manual"})
	one.OK(one.p.Start(101))
	one.p.Kill(101) // fenced
	one.Must(one.tree.MoveCT(101, "pve1", "pve2"))
	two.log(two.p.Start(101)).says("its lease since")
	two.boots(101, "10.0.0.200/24")
	// The fenced node comes back; whatever ran there has nothing to release.
	one.phase(101, "post-stop").exits(hook.OK).says("CT 101 keeps 10.0.0.200 bound: it was claimed by node pve2")
	one.records("10.0.0.200 ct/101/net0 bound pool")
}
