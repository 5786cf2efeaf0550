package hook_test

import (
	"strings"
	"testing"

	"pve-iplease/internal/hook"
)

// The gateway is written, kept or removed so that the guest's network is
// right.
func TestGatewayLine(t *testing.T) {
	t.Parallel()
	own := lan
	none := strings.Replace(lan, "gateway 10.0.0.1", "gateway none", 1)
	unsaid := strings.Replace(lan, "\tgateway 10.0.0.1\n", "", 1)
	for name, c := range map[string]struct{ pools, gw, want string }{
		"pool's is written":                  {own, "", "10.0.0.1"},
		"pool's replaces another":            {own, "10.0.0.254", "10.0.0.1"},
		"none takes it away":                 {none, "10.0.0.254", ""},
		"none writes none":                   {none, "", ""},
		"unsaid keeps one of the subnet":     {unsaid, "10.0.0.254", "10.0.0.254"},
		"unsaid drops one of another subnet": {unsaid, "192.0.2.1", ""},
		"unsaid drops the guest itself":      {unsaid, "10.0.0.200", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.put(ct{id: 101, ip: "manual", gw: c.gw})
			h.start(101).exits(hook.OK)
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: c.want})
		})
	}
}

func TestGatewayOfALeaseIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.pools(strings.Replace(lan, "gateway 10.0.0.1", "gateway 10.0.0.254", 1))
	h.start(101).exits(hook.OK).says("10.0.0.200/24 via 10.0.0.254")
	h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.254"})
	h.records("10.0.0.200 ct/101/net0 bound pool")
}
