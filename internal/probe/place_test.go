package probe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

func TestPlaceRefusesTag(t *testing.T) {
	t.Parallel()
	const want = "VLAN 4095 on vmbr0: a VLAN ID lies between 1 and 4094"
	if _, err := Open(Place{Bridge: "vmbr0", Tag: 4095}, nil); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSubUplinks(t *testing.T) {
	t.Parallel()
	declared := []string{"bond0", "bonding", "dummy0", "eth12", "eth1.5", "eno1", "enp3s0f1", "enp3s0.7", "en", "veth1"}
	want := []string{"bond0.20", "eth12.20", "eno1.20", "enp3s0f1.20"}
	if diff := cmp.Diff(want, subUplinks(declared, 20)); diff != "" {
		t.Error(diff)
	}
}

func TestTemporaryNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"iplease0": true, "iplease17": true, "iplease": false, "iplease0x": false, "eno1": false} {
		if got := (port{name: name}).guest(); got != want {
			t.Errorf("%s counts as a guest's port: %t, want %t", name, got, want)
		}
	}
}

// A sender that stands in for another is nobody's factory's address, no group,
// and not the other's own.
func TestStandIn(t *testing.T) {
	t.Parallel()
	for _, first := range []byte{0x00, 0x02, 0xbc, 0xbe, 0x0a, 0xfe} {
		bridge := pve.MAC{first, 1, 2, 3, 4, 5}
		got := Place{}.standIn(bridge)
		if got == bridge || got[0]&3 != 2 {
			t.Errorf("%s for %s", got, bridge)
		}
	}
	if got := (Place{MAC: alice}).standIn(bob); got != alice.StandIn() || got == alice {
		t.Errorf("%s for a guest with %s", got, alice)
	}
}
