package hook_test

import (
	"os"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestStaticAddressIsGuardedAndNeverMoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ip, gw, path string }{
		"in the subnet":      {"10.0.0.50/24", "10.0.0.1", "10.0.0.50/24 via 10.0.0.1"},
		"odd prefix, no gw":  {"10.0.0.50/16", "", "10.0.0.50/16 ("},
		"outside the subnet": {"192.0.2.7/24", "192.0.2.1", "192.0.2.7/24 via 192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: c.ip, gw: c.gw})
			conf := h.stat(h.confPath(101))
			h.start(101).exits(hook.OK).says("CT 101 net0 has "+c.path, "static: outside every range of the pool").omits("warning")
			if !os.SameFile(conf, h.stat(h.confPath(101))) {
				t.Error("the config was replaced")
			}
			l := h.only(101)
			if l.Origin != lease.Static || l.State != lease.Bound {
				t.Errorf("recorded as %s", summary(l))
			}
		})
	}
}

func TestStaticAddressThatIsTakenBackGivesWayToALease(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "10.0.0.50/24"})
	h.start(101).exits(hook.OK)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

// Two configs name one static address: whoever starts first has it, the other's
// start is refused, and neither config is rewritten.
func TestStaticAddressThatTwoConfigsName(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][2]pve.VMID{"the lower VMID first": {101, 102}, "the higher VMID first": {102, 101}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			first, second := order[0], order[1]
			a, b := ct{id: first, ip: "10.0.0.50/24", gw: "10.0.0.1"}, ct{id: second, ip: "10.0.0.50/24", gw: "10.0.0.1"}
			h.put(a, b)
			h.start(first).exits(hook.OK).says("10.0.0.50/24", "static")
			refused := []any{"error: 10.0.0.50 is static in the config of CT " + second.String(), "is leased to CT " + first.String(), "give one of the two another address"}
			h.start(second).exits(hook.Conflict).says(refused...)
			h.start(second).exits(hook.Conflict).says(refused...)
			h.phase(first, "post-stop").exits(hook.OK)
			h.start(second).exits(hook.Conflict).says("error: 10.0.0.50", "is kept for CT "+first.String()+", stopped since")
			h.has(a, b)
			h.records("10.0.0.50 ct/" + first.String() + "/net0 released static")
			// The first one gives it up.
			h.put(ct{id: first, ip: "manual"})
			h.start(second).exits(hook.OK).says("10.0.0.50/24", "static")
			h.start(first).exits(hook.OK).says("10.0.0.200/24")
		})
	}
}

// Also where the guest has a lease of its own from the pool.
func TestStaticAddressOfAnotherGuestIsNotRewrittenToTheOwnLease(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "10.0.0.50/24"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.start(102).exits(hook.OK)
	b := ct{id: 102, ip: "10.0.0.50/24"}
	h.put(b)
	h.start(102).exits(hook.Conflict).says("error: 10.0.0.50 is static in the config of CT 102, but is leased to CT 101")
	h.has(b)
}
