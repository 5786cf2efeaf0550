package hook_test

import (
	"context"
	"net/netip"
	"os"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// The real LXC gives a container with a host-managed NIC the address that the
// hook has leased, although the file for LXC was generated before.
//
//nolint:paralleltest // containers share /var/lib/lxc
func TestRealContainerHasItsLease(t *testing.T) {
	h := newHost(t, lan)
	gateway := h.gateway()
	h.stranger("10.0.0.200")
	mac := lab.RandomMAC()
	ct := h.LXC(h.node, 101, mac, "lxc.net.0.ipv4.address = 10.0.0.200/24", "lxc.net.0.ipv4.gateway = 10.0.0.1")
	before, err := os.ReadFile(ct.Config())
	h.Must(err)
	h.write(lxcConfig, string(before))
	h.write(h.confPath(101), hostManaged("hwaddr="+mac.String()+",gw=10.0.0.1,ip=10.0.0.200/24,"))

	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.201/24 via 10.0.0.1")
	h.Must(os.WriteFile(ct.Config(), []byte(h.read(lxcConfig)), 0o644))
	h.Must(ct.Start())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got, err := gateway.Resolve(ctx, netip.MustParseAddr("10.0.0.201")); err != nil || got != mac {
		t.Errorf("10.0.0.201 is at %s, want %s: %v", got, mac, err)
	}
}
