package hook_test

import (
	"fmt"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
)

func TestUnknownProberMakesUsStepAside(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	s := h.script(lab.Script{Mute: true, Probe: 50 * time.Millisecond}, "10.0.0.200")
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200", s.MAC).says("CT 101 net0 has 10.0.0.201/24")
	h.records("10.0.0.201 ct/101/net0 bound pool")
}

// Who only asks for an address takes it from nobody: a guest that does so for
// everybody's makes no start fail, and none of them change its address.
func TestProbesAloneTakeNothingAway(t *testing.T) {
	t.Parallel()
	everything := []string{"10.0.0.50"}
	for i := range 10 {
		everything = append(everything, fmt.Sprintf("10.0.0.%d", 200+i))
	}
	for name, c := range map[string]struct{ pools, ip, becomes, record string }{
		"new":      {patient, "manual", "10.0.0.200/24", "10.0.0.200 ct/101/net0 bound pool"},
		"adopted":  {patient, "10.0.0.205/24", "10.0.0.205/24", "10.0.0.205 ct/101/net0 bound pool"},
		"static":   {patient, "10.0.0.50/24", "10.0.0.50/24", "10.0.0.50 ct/101/net0 bound static"},
		"reserved": {patient + "\nreservation: 10.0.0.205\n\tguest 101\n", "manual", "10.0.0.205/24", "10.0.0.205 ct/101/net0 bound reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.gateway()
			s := h.within(666, lab.Script{Mute: true, Probe: 20 * time.Millisecond}, everything...)
			h.put(ct{id: 101, ip: c.ip, gw: "10.0.0.1"})
			for range 2 { // the second is a renewal
				h.start(101).exits(hook.OK).says("is asked for by "+s.MAC.String(), "(CT 666, port veth666i0) too", "kept").omits("unproven")
				h.has(ct{id: 101, ip: c.becomes, gw: "10.0.0.1"})
				h.records(c.record)
			}
		})
	}
}

// A network that can't tell is no clearer for somebody who asks too.
func TestProbesProveNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	h.settings(hasty)
	h.within(666, lab.Script{Mute: true, Probe: 20 * time.Millisecond}, "10.0.0.200", "10.0.0.201", "10.0.0.202")
	h.Must(h.cable.Pull())
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.Failed).says("cannot prove that 10.0.0.200 is free", "no uplink of vmbr0 has a link")
}

// A host that asks as one does that is about to take the address answers for it
// one window later, and has it.
func TestRivalThatTakesTheAddress(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	rival := h.script(lab.Script{Probe: 20 * time.Millisecond, Mute: true}, "10.0.0.205")
	h.put(ct{id: 101, ip: "10.0.0.205/24"})
	r := h.launch(h.command(program, h.call(101, "pre-start")...))
	h.asked(rival, "10.0.0.205")
	time.AfterFunc(700*time.Millisecond, func() { rival.SetMute(false) })
	r.wait().exits(hook.OK).says("10.0.0.205 is in use by " + rival.MAC.String()).says("CT 101 net0 has 10.0.0.200/24")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.205 conflicted "+rival.MAC.String())
}

func TestSiblingsProbesDoNotDisturbAClaim(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	s := h.script(lab.Script{Mute: true, Probe: 50 * time.Millisecond}, "10.0.0.200", "10.0.0.201")
	taken := h.stranger("10.0.0.203")
	h.Must(h.ledger().Update(t.Context(), func(t *lease.Table) error {
		t.Known("pve2", "test", s.MAC)
		return nil
	}))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.203/24"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").omits("warning")
	// .201, which the sibling asks for just now, is no spare to fall back to.
	h.start(102).exits(hook.OK).says("10.0.0.203", taken.MAC).says("CT 102 net0 has 10.0.0.202/24")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.202 ct/102/net0 bound pool", "10.0.0.203 conflicted "+taken.MAC.String())
}
