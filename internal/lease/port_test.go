package lease_test

import (
	"testing"

	"pve-iplease/internal/lease"
)

func TestPortOwner(t *testing.T) {
	t.Parallel()
	for port, want := range map[string]struct {
		owner    lease.Owner
		sure, ok bool
	}{
		"veth101i0":        {lease.Owner{VMID: 101}, true, true},
		"tap200i1":         {lease.Owner{Kind: lease.VM, VMID: 200, NIC: 1}, true, true},
		"fwpr101p2":        {lease.Owner{VMID: 101, NIC: 2}, false, true},
		"fwln101i0":        {lease.Owner{VMID: 101}, false, true},
		"fwln101o0":        {lease.Owner{VMID: 101}, false, true},
		"tap20000000000i0": {}, "tap200i": {}, "tap200i+1": {}, "tapi0": {}, "veth101i100": {}, "fwpr1": {}, "tap7i0": {}, "eno1": {}, "veth101i0x": {}, "veth0101i0": {}, "": {},
	} {
		o, sure, ok := lease.PortOwner(port)
		if o != want.owner || sure != want.sure || ok != want.ok {
			t.Errorf("%q is %v, %v, %v; want %+v", port, o, sure, ok, want)
		}
	}
}
