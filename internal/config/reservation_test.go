package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestReservationProblems(t *testing.T) {
	t.Parallel()
	head := pools("a|vmbr0|10.0.0.9|gateway 10.0.0.1") // lines 1 to 5
	nobody := lease.Reservation{Addr: addr("10.0.0.9")}
	ct101 := lease.Reservation{Addr: addr("10.0.0.9"), Owner: pve.Owner{VMID: 101}}
	tests := map[string]struct {
		more, want string
		kept       []lease.Reservation
	}{
		"not an address": {"reservation: x\n", `p:6: reservation x: "x" is no IPv4 address like 10.0.0.1`, nil},
		"IPv6":           {"reservation: fd00::9\n", `warning: p:6: reservation fd00::9: fd00::9 is in no pool's subnet; the reservation has no effect`, []lease.Reservation{{Addr: addr("fd00::9")}}},
		"mapped":         {"reservation: ::ffff:10.0.0.9\n", `p:6: reservation ::ffff:10.0.0.9: "::ffff:10.0.0.9" is an IPv4 address; an IPv6 address like 2001:db8::1 belongs here`, nil},
		"one of each family": {
			"pool: b\n bridge vmbr0\n subnet6 fd00::/64\n range6 fd00::/64\nreservation: 10.0.0.9\n guest 101\nreservation: fd00::9\n guest 101\n", "",
			[]lease.Reservation{ct101, {Addr: addr("fd00::9"), Owner: pve.Owner{VMID: 101}}},
		},
		"nowhere": {
			"reservation: 10.9.0.1\n", `warning: p:6: reservation 10.9.0.1: 10.9.0.1 is in no pool's subnet; the reservation has no effect`,
			[]lease.Reservation{{Addr: addr("10.9.0.1")}},
		},
		"gateway": {
			"reservation: 10.0.0.1\n", `warning: p:6: reservation 10.0.0.1: 10.0.0.1 is the gateway of pool a`,
			[]lease.Reservation{{Addr: addr("10.0.0.1")}},
		},
		"wrong guest":  {"reservation: 10.0.0.9\n guest bob\n", `p:7: reservation 10.0.0.9: guest: "bob" is not a VMID; it is a number from 100 to 999999999`, []lease.Reservation{nobody}},
		"wrong NIC":    {"reservation: 10.0.0.9\n guest ct/101/net32\n", `p:7: reservation 10.0.0.9: guest: "ct/101/net32" is no guest; write a VMID like 101, or ct/101/net0 or vm/200/net1`, []lease.Reservation{nobody}},
		"twice":        {"reservation: 10.0.0.9\n guest 101\nreservation: 10.0.0.9\n", `p:8: reservation 10.0.0.9: 10.0.0.9 is reserved already, in line 6; keep one of the two`, []lease.Reservation{ct101}},
		"pool's words": {"reservation: 10.0.0.9\n guest ct/101\n range 10.0.0.9\n", `warning: p:8: reservation 10.0.0.9: property "range" is unknown and ignored`, []lease.Reservation{ct101}},
		"another NIC":  {"reservation: 10.0.0.9\n guest 101\nreservation: 10.0.0.8\n guest ct/101/net1\n", "", []lease.Reservation{ct101, {Addr: addr("10.0.0.8"), Owner: pve.Owner{VMID: 101, NIC: 1}}}},
		"one guest, two": {
			"reservation: 10.0.0.9\n guest 101\nreservation: 10.0.0.8\n guest vm/101\n",
			`p:9: reservation 10.0.0.8: guest: vm/101/net0 has 10.0.0.9 reserved already, in line 6; until one of the two goes, 10.0.0.8 is kept from everybody`,
			[]lease.Reservation{ct101, {Addr: addr("10.0.0.8")}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, problems := config.Parse("p", []byte(head+tt.more))
			if diff := cmp.Diff(tt.want, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.kept, c.Reservations, exact); diff != "" {
				t.Errorf("reservations (-want +got):\n%s", diff)
			}
		})
	}
}
