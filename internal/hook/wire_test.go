package hook_test

import (
	"fmt"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestAddressThatAStrangerHasIsNotLeased(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script lab.Script
		vendor string
	}{
		"prompt":              {lab.Script{MAC: pve.MAC{0xbc, 0x24, 0x11, 9, 9, 9}}, "a Proxmox guest"},
		"late":                {lab.Script{MAC: pve.MAC{0x52, 0x54, 0, 9, 9, 9}, Delay: 300 * time.Millisecond}, "QEMU"},
		"hard of hearing":     {lab.Script{MAC: pve.MAC{0x1a, 0, 0, 9, 9, 9}, Ignore: 2}, "random or private address"},
		"only announcing":     {lab.Script{MAC: pve.MAC{0, 0x11, 0x22, 9, 9, 9}, Mute: true, Announce: 50 * time.Millisecond}, "unknown host"},
		"answering everybody": {lab.Script{Broadcast: true}, "a Proxmox guest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, patient)
			h.gateway()
			s := h.script(c.script, "10.0.0.200")
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK).
				says(fmt.Sprintf("warning: 10.0.0.200 is in use by %s (%s, port eno1): not leased", s.MAC, c.vendor)).
				says("CT 101 net0 has 10.0.0.201/24", "spare of 10.0.0.200, which is in use")
			h.has(ct{id: 101, ip: "10.0.0.201/24", gw: "10.0.0.1"})
			h.records("10.0.0.200 conflicted "+s.MAC.String(), "10.0.0.201 ct/101/net0 bound pool")
		})
	}
}

func TestNoiseIsNoConflict(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]lab.Script{
		"malformed frames":   {Garbage: true},
		"another VLAN":       {VLAN: 20, Announce: 50 * time.Millisecond},
		"who never answers":  {Mute: true},
		"its own RFC probes": {MAC: macOf(101), Mute: true, Probe: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			h.script(script, "10.0.0.200")
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK).says("10.0.0.200/24").omits("warning")
			h.records("10.0.0.200 ct/101/net0 bound pool")
		})
	}
}

func TestManyStrangersAreAllPassedOver(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	var want []string
	for i := range 5 {
		a := fmt.Sprintf("10.0.0.%d", 200+i)
		want = append(want, a+" conflicted "+h.stranger(a).MAC.String())
	}
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.205/24")
	h.records(append(want, "10.0.0.205 ct/101/net0 bound pool")...)
}

// A host that answers for everything proves nothing about any address.
func TestLiarMarksNothing(t *testing.T) {
	t.Parallel()
	for name, ip := range map[string]string{"new": "manual", "adopted": "10.0.0.205/24"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			proxy := h.stranger("10.0.0.200", "10.0.0.201", "10.0.0.202", "10.0.0.203", "10.0.0.204", "10.0.0.205")
			h.put(ct{id: 101, ip: ip})
			h.start(101).exits(hook.Conflict).says("error:", proxy.MAC, "answers for 10.0.0.2", "port eno1")
			h.has(ct{id: 101, ip: ip})
			for _, l := range h.leases() {
				if l.State == lease.Conflicted {
					t.Errorf("marked: %s", summary(l))
				}
			}
			h.silence(proxy)
			h.start(101).exits(hook.OK)
		})
	}
}

func TestConflictedAddressIsAvoidedAndAskedAgainBeforeThePoolIsFull(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.201"))
	s := h.stranger("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.201/24")
	h.start(102).exits(hook.Exhausted).says(`error: pool "lan" has no free address`)
	h.silence(s)
	h.start(103).exits(hook.OK).says("10.0.0.200/24", "nothing better is left", "stranger")
	h.has(ct{id: 103, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.records("10.0.0.200 ct/103/net0 bound pool", "10.0.0.201 ct/101/net0 bound pool")
}
