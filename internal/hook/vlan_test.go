package hook_test

import (
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// twoVLANs are pools of the same addresses in different networks.
const twoVLANs = `pool: blue
	bridge vmbr0
	vlan 20
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200-10.0.0.209

pool: green
	bridge vmbr0
	vlan 30
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200-10.0.0.209
`

// newAwareHost makes the node pve1 with a VLAN-aware vmbr0.
func newAwareHost(t testing.TB, pools string, vlans ...uint16) *host {
	t.Helper()
	f := lab.New(t)
	f.NeedVLANs()
	h := host{Fixture: f, t: t, tree: f.Tree("pve1", "pve2"), bin: programs(t)}
	h.lan, h.root = h.LAN(), h.tree.Root("pve1")
	h.node, h.cable = h.AwareNode("pve1", h.lan, vlans...)
	h.pools(pools)
	return &h
}

// Each pool sees its own VLAN only, on the wire and in the ledger, also behind
// Proxmox's firewall and beside trunks.
func TestPoolsOfTwoVLANs(t *testing.T) {
	t.Parallel()
	h := newAwareHost(t, twoVLANs, 20, 30)
	h.TaggedHost(h.lan, 20, "10.0.0.1/24", "10.0.0.200/24")
	h.TaggedHost(h.lan, 30, "10.0.0.1/24")
	h.TaggedGuest(h.node, "vmbr0", 900, 30, "10.0.0.201/24")
	h.write(h.confPath(101), "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=manual,tag=20\n")
	h.write(h.confPath(102), "net0: name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:00:01:02,ip=manual,tag=30\n")
	h.write(h.confPath(103), "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:03,ip=manual,tag=30,trunks=40\n")
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by").says("CT 101 net0 has 10.0.0.201/24 via 10.0.0.1 from pool blue")
	h.start(102).exits(hook.OK).says("CT 102 net0 has 10.0.0.200/24 via 10.0.0.1 from pool green")
	h.start(103).exits(hook.OK).says("10.0.0.201 is in use by").says("CT 103 net0 has 10.0.0.202/24 via 10.0.0.1 from pool green")
}
