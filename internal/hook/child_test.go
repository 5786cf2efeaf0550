package hook_test

import (
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// What Docker has put on vmbr0 keeps its address, though it hears nothing that
// is sent on vmbr0 itself.
func TestAddressOfABridgesChildIsNotLeased(t *testing.T) {
	t.Parallel()
	for _, kind := range []lab.Child{lab.MACVLAN, lab.IPVLAN} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			h.gateway()
			child := h.Child(h.node, "vmbr0", kind, "10.0.0.200/24", "10.0.0.50/24")
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.50/24"})
			h.start(101).exits(hook.OK).says("10.0.0.200 is in use by "+child.MAC.String(), "port vmbr0").says("CT 101 net0 has 10.0.0.201/24")
			h.start(102).exits(hook.Conflict).says("error: 10.0.0.50 of CT 102 is static, but "+child.MAC.String(), "port vmbr0")
			h.records("10.0.0.200 conflicted "+child.MAC.String(), "10.0.0.201 ct/101/net0 bound pool", "10.0.0.50 ct/102/net0 bound static")
		})
	}
}
