package pve_test

import (
	"testing"

	"pve-iplease/internal/pve"
)

func TestPortOwner(t *testing.T) {
	t.Parallel()
	for port, want := range map[string]struct {
		owner    pve.Owner
		sure, ok bool
	}{
		"veth101i0":        {pve.Owner{VMID: 101}, true, true},
		"tap200i1":         {pve.Owner{Kind: pve.VM, VMID: 200, NIC: 1}, true, true},
		"fwpr101p2":        {pve.Owner{VMID: 101, NIC: 2}, false, true},
		"fwln101i0":        {pve.Owner{VMID: 101}, false, true},
		"fwln101o0":        {pve.Owner{VMID: 101}, false, true},
		"tap20000000000i0": {}, "tap200i": {}, "tap200i+1": {}, "tapi0": {}, "veth101i100": {}, "fwpr1": {}, "tap7i0": {}, "eno1": {}, "veth101i0x": {}, "veth0101i0": {}, "": {},
	} {
		o, sure, ok := pve.PortOwner(port)
		if o != want.owner || sure != want.sure || ok != want.ok {
			t.Errorf("%q is %v, %v, %v; want %+v", port, o, sure, ok, want)
		}
	}
}
