package hook_test

import (
	"os"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
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
