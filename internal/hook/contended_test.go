package hook_test

import (
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

// What was the guest's before is given up too, and what must not be moved is
// not used.
func TestUnknownProberForAnAddressThatAGuestHas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ip, becomes string
		code        int
		record      string
	}{
		"from the pool": {"10.0.0.205/24", "10.0.0.200/24", hook.OK, "10.0.0.200 ct/101/net0 bound pool"},
		"static":        {"10.0.0.50/24", "10.0.0.50/24", hook.Conflict, "10.0.0.50 ct/101/net0 bound static"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, patient)
			h.put(ct{id: 101, ip: c.ip, gw: "10.0.0.1"})
			h.start(101).exits(hook.OK)
			s := h.script(lab.Script{Mute: true, Probe: 50 * time.Millisecond}, "10.0.0.205", "10.0.0.50")
			h.start(101).exits(c.code).says(s.MAC)
			h.has(ct{id: 101, ip: c.becomes, gw: "10.0.0.1"})
			h.records(c.record)
		})
	}
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
