package hook_test

import (
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// The guest lives already, on a node that lost the cluster or where a copy was
// restored, with its own MAC: whoever's the address is by right, it is not
// started here, nor moved.
func TestTwinOfTheGuestIsRefused(t *testing.T) {
	t.Parallel()
	pinned := wired + "\nreservation: 10.0.0.200\n\tguest 101\n"
	for name, c := range map[string]struct{ pools, ip, record string }{
		"renewed":  {wired, "10.0.0.200/24", "10.0.0.200 ct/101/net0 bound pool"},
		"static":   {wired, "10.0.0.50/24", "10.0.0.50 ct/101/net0 bound static"},
		"reserved": {pinned, "10.0.0.200/24", "10.0.0.200 ct/101/net0 bound reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.put(ct{id: 101, ip: c.ip, gw: "10.0.0.1"})
			h.start(101).exits(hook.OK)
			twin := h.neighbour(macOf(101), netip.MustParsePrefix(c.ip).Addr().String())
			for range 2 { // nobody gets past a refusal by trying again
				h.start(101).exits(hook.Conflict).
					says("error: " + netip.MustParsePrefix(c.ip).Addr().String() + " of CT 101 is in use by its twin: " + twin.MAC.String() + ", the MAC of net0, answers on port eno1 while CT 101 is stopped here").
					says("give net0 here another hwaddr and ip")
			}
			h.has(ct{id: 101, ip: c.ip, gw: "10.0.0.1"})
			h.records(c.record)
			h.silence(twin)
			h.start(101).exits(hook.OK).omits("warning")
		})
	}
}

// A restored or moved guest that this ledger has never seen.
func TestTwinOfAGuestWithoutALeaseIsRefused(t *testing.T) {
	t.Parallel()
	for name, ip := range map[string]string{"adopted": "10.0.0.200/24", "new": "manual"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			h.neighbour(macOf(101), "10.0.0.200")
			h.put(ct{id: 101, ip: ip})
			h.start(101).exits(hook.Conflict).says("is in use by its twin", "port eno1")
			h.has(ct{id: 101, ip: ip})
		})
	}
}

// One that runs on this very host behind another guest's port, where no config
// tells of it.
func TestTwinOnThisHostIsRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "10.0.0.200/24"})
	twin, err := h.node.Plug("vmbr0", lab.GuestPort(901, 0), macOf(101))
	h.Must(err)
	t.Cleanup(func() { _ = twin.Close() })
	h.Must(twin.Configure(prefix("10.0.0.200/24"), netip.Addr{}))
	h.start(101).exits(hook.Conflict).says("is in use by its twin", "answers on port veth901i0")
}

// A switch that answers from its cache for a guest that came from behind it is
// no twin: what had its address before starts with a warning, what is new does
// not.
func TestCacheThatAnswersForTheGuest(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.script(lab.Script{MAC: macOf(101), Cache: true}, "10.0.0.200")
	h.script(lab.Script{MAC: macOf(102), Cache: true}, "10.0.0.201")
	h.start(101).exits(hook.OK).
		says("warning: 10.0.0.200 starts unproven: " + macOf(101).String() + ", which is the guest's own MAC, answers on port eno1, but not when it is asked itself").
		says("CT 101 net0 has 10.0.0.200/24")
	h.settings(hasty)
	h.start(102).exits(hook.Failed).says("error: cannot prove that 10.0.0.201 is free: "+macOf(102).String(), "'unproven start'")
	h.records("10.0.0.200 ct/101/net0 bound pool unproven", "10.0.0.201 ct/102/net0 bound pool")
}

// The same by the kernel's own neigh_suppress on a VXLAN port, where a node of
// the zone asks from an address of its own; and the twin there.
func TestEVPNCacheAfterAMigration(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.Must(h.node.AddAddr("vmbr0", prefix("10.0.0.1/24")))
	h.Must(h.node.SetNeighSuppress("eno1", true))
	h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.start(101).exits(hook.OK).omits("warning")
	h.Must(h.lan.Remember(macOf(101), addr("10.0.0.200")))
	h.start(101).exits(hook.OK).says("warning: 10.0.0.200 starts unproven: "+macOf(101).String(), "but not when it is asked itself")

	other := newHost(t, wired)
	other.Must(other.node.AddAddr("vmbr0", prefix("10.0.0.1/24")))
	other.Must(other.node.SetNeighSuppress("eno1", true))
	other.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	other.start(101).exits(hook.OK)
	other.neighbour(macOf(101), "10.0.0.200")
	other.start(101).exits(hook.Conflict).says("is in use by its twin", "port eno1")
}

// What the guest said last, which the network brings late, costs one window more
// and nothing else.
func TestLastWordOfTheGuest(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	echo := h.script(lab.Script{MAC: macOf(101), Mute: true}, "10.0.0.200")
	r := h.launch(h.command(program, h.call(101, "pre-start")...))
	for echo.Asked(addr("10.0.0.200")) == 0 {
		time.Sleep(time.Millisecond)
	}
	echo.Shout(1)
	r.wait().exits(hook.OK).says("10.0.0.200/24", "nobody answered 28 probes").omits("warning", "unproven")
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

// A network that brings our own questions back has no twin in it.
func TestLoopBringsQuestionsBack(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.script(lab.Script{Mirror: true}, "10.0.0.200")
	h.start(101).exits(hook.OK).omits("warning", "unproven")
}

// As long as the device of the previous run is there, it may be what speaks.
func TestPreviousRunThatLingers(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	old, err := h.node.Plug("vmbr0", lab.GuestPort(101, 0), macOf(101))
	h.Must(err)
	t.Cleanup(func() { _ = old.Close() })
	h.Must(old.Configure(prefix("10.0.0.200/24"), netip.Addr{}))
	h.start(101).exits(hook.OK).says("warning: 10.0.0.200 starts unproven", "veth101i0 of its previous run is still there")
	h.Must(h.node.Remove(lab.GuestPort(101, 0)))
	h.start(101).exits(hook.OK).omits("unproven")
}

// A start that can't use the ledger refuses a twin too.
func TestTwinAtADegradedStart(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.start(101).exits(hook.OK)
	h.pools("pool: lan\n\tbridge vmbr0\n\tnonsense\n")
	h.start(101).exits(hook.OK).says("nobody answers for it")
	twin := h.neighbour(macOf(101), "10.0.0.200")
	h.start(101).exits(hook.Conflict).says("is in use by its twin", twin.MAC)
	h.silence(twin)
	h.script(lab.Script{MAC: macOf(101), Cache: true}, "10.0.0.200")
	// After the twin a cache alone is not believed: a voice was heard last.
	h.start(101).exits(hook.Failed).says("but not when it is asked itself", "'pve-iplease confirm 101'")
}

// A virtual machine has twins as well.
func TestTwinOfAVM(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.vm(201, "hookscript: local:snippets/pve-iplease", "ipconfig0: ip=10.0.0.200/24,gw=10.0.0.1")
	h.start(201).exits(hook.OK)
	h.neighbour(pve.MAC{0xbc, 0x24, 0x11, 2, 0, 1}, "10.0.0.200")
	h.start(201).exits(hook.Conflict).says("of VM 201 is in use by its twin", "port eno1")
}

// In a VLAN, which is asked by a port like the guest's, a twin is found as well,
// and so is the original of a copy with its MAC.
func TestTwinInAVLAN(t *testing.T) {
	t.Parallel()
	h := newAwareHost(t, twoVLANs, 20, 30)
	conf := func(id pve.VMID, of pve.VMID, ip string) {
		h.write(h.confPath(id), "hookscript: local:snippets/pve-iplease\nnet0: name=eth0,bridge=vmbr0,hwaddr="+macOf(of).String()+",ip="+ip+",tag=20\n")
	}
	conf(101, 101, "10.0.0.200/24")
	h.start(101).exits(hook.OK).omits("warning")
	twin := h.neighbour(macOf(101))
	device, err := twin.AddVLAN("eth0", 20)
	h.Must(err)
	h.Must(twin.AddAddr(device, prefix("10.0.0.200/24")))
	h.start(101).exits(hook.Conflict).says("10.0.0.200 of CT 101 is in use by its twin", "port eno1")
	h.rewrite(func(*lease.Lease) bool { return false })
	conf(102, 101, "10.0.0.200/24")
	h.start(102).exits(hook.OK).says("10.0.0.200 is in use by "+macOf(101).String()+" (CT 101", "port eno1").says("CT 102 net0 has 10.0.0.201/24")
	h.silence(twin)
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24")
}
