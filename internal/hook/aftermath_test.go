package hook_test

import (
	"syscall"
	"testing"

	"pve-iplease/internal/hook"
)

// A start that fails says what it has changed nevertheless.
func TestFailedStartTellsWhereItsLeaseIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ip     string
		taken  []string
		claims string // the address whose proof is interrupted
		says   string
	}{
		"moved": {
			"10.0.0.205/24",
			[]string{"10.0.0.200", "10.0.0.201", "10.0.0.205"},
			"10.0.0.202",
			"the lease of CT 101 net0 is 10.0.0.202 by now, which its next start takes; its config says 10.0.0.205/24",
		},
		"the first": {"manual", nil, "10.0.0.200", "the lease of CT 101 net0 is 10.0.0.200 by now, which its next start takes; its config names none"},
		"kept":      {"10.0.0.205/24", nil, "10.0.0.205", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, patient)
			for _, a := range tt.taken {
				h.stranger(a)
			}
			ear := h.ear(tt.claims)
			h.put(ct{id: 101, ip: tt.ip, gw: "10.0.0.1"})
			r := h.launch(h.command(program, h.call(101, "pre-start")...))
			h.await("a claim on "+tt.claims, func() bool {
				for _, l := range h.leases() {
					if l.Addr.String() == tt.claims && l.Owner.VMID == 101 {
						return true
					}
				}
				return false
			})
			h.asked(ear, tt.claims)
			h.Must(r.cmd.Process.Signal(syscall.SIGTERM))
			res := r.wait().exits(hook.Failed).says("stopped by SIGTERM: net0 is unchanged")
			if tt.says == "" {
				res.omits("by now")
			} else {
				res.says(tt.says)
			}
			h.has(ct{id: 101, ip: tt.ip, gw: "10.0.0.1"})
		})
	}
}
