package hook_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// hasty is a node that gives up early.
const hasty = "deadline 6s\n"

// blinder is a way in which a node that knows its gateway can become unable to
// tell who is on the network, with what it says then.
type blinder struct {
	blind func(h *host, gw *lab.Host)
	says  string
}

func blinders() map[string]blinder {
	return map[string]blinder{
		"uplink unplugged": {
			func(h *host, _ *lab.Host) { h.Must(h.cable.Pull()) }, "no uplink of vmbr0 has a link: eno1",
		},
		"uplink unplugged, a guest beside": {
			func(h *host, _ *lab.Host) {
				h.Guest(h.node, "vmbr0", 105, "10.0.0.99/24") // gives the bridge a carrier
				h.Must(h.cable.Pull())
			}, "no uplink of vmbr0 has a link: eno1",
		},
		"switch port still learning": {
			func(h *host, _ *lab.Host) { h.Must(h.cable.Learn()) }, "gateway 10.0.0.1 used to answer and is silent now",
		},
		"gateway silent": {
			func(h *host, gw *lab.Host) { h.silence(gw) }, "gateway 10.0.0.1 used to answer and is silent now",
		},
		"own port learning": {
			func(h *host, _ *lab.Host) { h.Must(h.node.SetPortState("eno1", lab.PortLearning)) }, "port eno1 of vmbr0 is still learning",
		},
		"bridge gone": {
			func(h *host, _ *lab.Host) { h.Must(h.node.Remove("vmbr0")) }, "there is no bridge vmbr0 on this node",
		},
		"bridge down": {
			func(h *host, _ *lab.Host) { h.Must(h.node.SetUp("vmbr0", false)) }, "network is down",
		},
		"declared uplink missing": {
			func(h *host, _ *lab.Host) {
				h.write("/etc/network/interfaces", "iface vmbr0 inet manual\n\tbridge-ports eno1 eno2\n")
			}, "uplink eno2 of vmbr0 is configured but missing",
		},
	}
}

// A guest that had its address before starts, with a loud warning, and so does
// one whose config named it all along.
func TestRenewalOnANetworkThatCannotTell(t *testing.T) {
	t.Parallel()
	for name, c := range blinders() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			gw := h.gateway()
			h.put(ct{id: 101, ip: "manual"}, ct{id: 103, ip: "10.0.0.208/24"})
			h.start(101).exits(hook.OK).omits("unproven")
			c.blind(h, gw)
			h.start(101).exits(hook.OK).says("warning: 10.0.0.200 starts unproven", c.says).says("CT 101 net0 has 10.0.0.200/24", "unproven:")
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			h.start(103).exits(hook.OK).says("warning: 10.0.0.208 starts unproven", c.says)
			h.records("10.0.0.200 ct/101/net0 bound pool unproven", "10.0.0.208 ct/103/net0 bound pool unproven")
		})
	}
}

func TestNewLeaseOnANetworkThatCannotTell(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"uplink unplugged", "gateway silent", "bridge gone"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, c := newHost(t, lan), blinders()[name]
			gw := h.gateway()
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.settings(hasty)
			c.blind(h, gw)
			h.start(102).exits(hook.Failed).says("error: cannot prove that 10.0.0.201 is free", c.says, "'unproven start'")
			h.has(ct{id: 102, ip: "manual"})
		})
	}
}

func TestNewLeaseThatCouldNotBeProvedOnceIsStillNew(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.settings(hasty)
	h.Must(h.node.Remove("vmbr0"))
	h.put(ct{id: 101, ip: "manual"})
	for range 3 {
		h.start(101).exits(hook.Failed).says("error: cannot prove that 10.0.0.200 is free")
		h.has(ct{id: 101, ip: "manual"})
	}
}

func TestPoolMayLetNewLeasesStartUnproven(t *testing.T) {
	t.Parallel()
	for name, blind := range map[string]func(h *host) error{
		"uplink unplugged": func(h *host) error { return h.cable.Pull() },
		"bridge gone":      func(h *host) error { return h.node.Remove("vmbr0") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan+"\tunproven start\n")
			h.settings(hasty)
			h.Must(blind(h))
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK).says("warning: 10.0.0.200 starts unproven")
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			h.records("10.0.0.200 ct/101/net0 bound pool unproven")
		})
	}
}

func TestUnprovenLeaseIsProvedAtTheNextStart(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.Must(h.cable.Pull())
	h.start(101).exits(hook.OK)
	h.records("10.0.0.200 ct/101/net0 bound pool unproven")
	h.Must(h.cable.Push())
	h.start(101).exits(hook.OK).omits("unproven")
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestRenewalWaitsOneWindowMoreForAnAnswer(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	gw := h.gateway()
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.silence(gw)
	ear := h.ear("10.0.0.1")
	h.start(101).exits(hook.OK).says("10.0.0.200 starts unproven")
	if n := ear.Asked(addr("10.0.0.1")); n < 3 { // at most two a window
		t.Errorf("the gateway was asked %d times: one window only", n)
	}
}

func TestNewLeaseWaitsForTheNetwork(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.gateway()
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.Must(h.cable.Learn())
	r := h.launch(h.command(program, h.call(102, "pre-start")...))
	time.Sleep(600 * time.Millisecond) // more than a window; the outcome doesn't depend on it
	h.Must(h.cable.Forward())
	r.wait().exits(hook.OK).says("CT 102 net0 has 10.0.0.201/24").omits("unproven")
	h.has(ct{id: 102, ip: "10.0.0.201/24", gw: "10.0.0.1"})
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}

// What this node's last proof heard is unknown when its note can't be read, and
// not that it heard nobody.
func TestNoteThatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.gateway()
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.Must(os.MkdirAll(filepath.Join(h.root, "var/lib/pve-iplease/heard/ct-101-net0-10.0.0.200"), 0o700)) // EISDIR
	h.Must(h.cable.Pull())
	h.start(101).exits(hook.Failed).says("error: cannot prove that 10.0.0.200 is free", "can't be read", "'pve-iplease confirm 101'")
}
