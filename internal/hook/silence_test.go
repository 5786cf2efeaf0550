package hook_test

import (
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

func TestSilenceOfAGatewayThatNeverAnsweredProvesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("nobody answered").omits("unproven")
}

func TestGatewayThatIsAStoppedGuestMayBeSilent(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	gw := h.neighbour(macOf(110), "10.0.0.1")
	h.put(ct{id: 110, ip: "10.0.0.1/24", plain: true}, ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.silence(gw)
	h.start(101).exits(hook.OK).omits("unproven")
}

func TestClosedNetworkCanBeTold(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.Must(h.node.Remove("eno1"))
	other := h.Guest(h.node, "vmbr0", 105, "10.0.0.200/24")
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by "+other.MAC.String(), "port veth105i0").
		says("CT 101 net0 has 10.0.0.201/24", "nobody has it on this closed network")
	h.records("10.0.0.200 vmbr0@pve1 conflicted "+other.MAC.String(), "10.0.0.201 vmbr0@pve1 ct/101/net0 bound pool")
}

func TestWithoutTheRightToProbe(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	unable := func(id pve.VMID) result {
		hook := h.command(program, h.call(id, "pre-start")...)
		return h.guarded(id, h.command(unprobed, hook.Args...))
	}
	unable(102).exits(hook.Failed).says("error: cannot prove that 10.0.0.201 is free", "operation not permitted")
	h.has(ct{id: 102, ip: "manual"})
	unable(101).exits(hook.OK).says("warning: 10.0.0.200 starts unproven", "operation not permitted")
	h.records("10.0.0.200 ct/101/net0 bound pool unproven", "10.0.0.201 ct/102/net0 bound pool")
}
