package hook_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
)

// A dry run changes no byte on any disk, and sends its probes all the same.
func TestDryRun(t *testing.T) {
	t.Parallel()
	started := func(h *host) { h.start(101).exits(hook.OK) }
	for name, c := range map[string]struct {
		before func(h *host)
		code   int
		asks   string
		says   string
	}{
		"before there is a ledger": {func(*host) {}, hook.OK, "10.0.0.200", "dry run: CT 101 net0 would get 10.0.0.200/24 via 10.0.0.1 from pool lan"},
		"renewal":                  {started, hook.OK, "10.0.0.200", "dry run: CT 101 net0 would get 10.0.0.200/24 via 10.0.0.1 from pool lan (its lease since"},
		"conflict":                 {func(h *host) { started(h); h.stranger("10.0.0.200") }, hook.OK, "10.0.0.201", "dry run: CT 101 net0 would get 10.0.0.201/24"},
		"clone":                    {func(h *host) { started(h); h.put(ct{id: 102, ip: "10.0.0.200/24"}) }, hook.OK, "10.0.0.200", "dry run: CT 101 net0 would get 10.0.0.200/24"},
		"refusal": {func(h *host) {
			h.put(ct{id: 101, ip: "10.0.0.50/24"})
			h.stranger("10.0.0.50")
		}, hook.Conflict, "10.0.0.50", "error: 10.0.0.50 of CT 101 is static"},
		"unproven": {func(h *host) {
			started(h)
			h.settings(hasty)
			h.Must(h.cable.Pull())
		}, hook.OK, "", "dry run: CT 101 net0 would get 10.0.0.200/24"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			ear := h.ear("10.0.0.200", "10.0.0.201", "10.0.0.50")
			h.gateway()
			h.put(ct{id: 101, ip: "manual"})
			c.before(h)
			asked := 0
			if c.asks != "" {
				asked = ear.Asked(addr(c.asks))
			}
			before := h.everything()
			h.start(101, "--dry-run").exits(c.code).says(c.says)
			if diff := gocmp.Diff(before, h.everything()); diff != "" {
				t.Errorf("a dry run changed (-before +after):\n%s", diff)
			}
			if c.asks != "" {
				h.await("a probe for "+c.asks, func() bool { return ear.Asked(addr(c.asks)) > asked })
			}
		})
	}
}

func TestExplainSaysWhyEachAddressWasPassedOver(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\texclude 10.0.0.202\n\nreservation: 10.0.0.204\n\tguest 120\n\nreservation: 10.0.0.205\n")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.201/24"}, ct{id: 103, ip: "manual"})
	h.vm(200, "ipconfig0: ip=10.0.0.203/24")
	h.start(101).exits(hook.OK).omits("passed over")
	h.phase(101, "post-stop").exits(hook.OK)
	h.start(103, "--explain").exits(hook.OK).
		says("10.0.0.206: new lease: lowest free address").
		says("10.0.0.200 was passed over: it is kept for CT 101, stopped since").
		says("10.0.0.201 was passed over: it is named by the config of CT 102 on pve1").
		says("10.0.0.203 was passed over: it is named by the config of VM 200 on pve1").
		says("10.0.0.204 was passed over: it is reserved for CT 120").
		says("10.0.0.205 was passed over: it is reserved").
		omits("10.0.0.202", "10.0.0.207")
	h.records("10.0.0.200 ct/101/net0 released pool", "10.0.0.206 ct/103/net0 bound pool")
}
