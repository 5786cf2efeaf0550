package hook_test

import (
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// naming is a way in which 10.0.0.200 can be named elsewhere.
type naming struct {
	put  func(h *host)
	want string
	why  string // empty: .200 is free
}

func namings() map[string]naming {
	const pending = "\n[pve:pending]\nnet0: name=eth0,bridge=vmbr0,ip=10.0.0.200/24,type=veth\n"
	const snapshot = "\n[before]\nnet0: name=eth0,bridge=vmbr0,ip=10.0.0.200/24,type=veth\nsnaptime: 1\n"
	return map[string]naming{
		"container": {
			func(h *host) { h.put(ct{id: 102, ip: "10.0.0.200/24"}) }, "10.0.0.201", "is named by the config of CT 102 on pve1",
		},
		"container without our hook": {
			func(h *host) { h.put(ct{id: 102, ip: "10.0.0.200/24", plain: true}) }, "10.0.0.201", "is named by the config of CT 102 on pve1",
		},
		"container on another node": {
			func(h *host) { h.peer("pve2", h.lan).put(ct{id: 102, ip: "10.0.0.200/24"}) }, "10.0.0.201", "is named by the config of CT 102 on pve2",
		},
		"container's second NIC": {
			func(h *host) {
				h.put(ct{id: 102, ip: "manual", more: "net1: name=eth1,bridge=vmbr0,ip=10.0.0.200/24\n"})
			}, "10.0.0.201", "is named by the config of CT 102",
		},
		"pending change": {
			func(h *host) { h.put(ct{id: 102, ip: "10.0.0.50/24", tail: pending}) }, "10.0.0.201", "is named by the config of CT 102 on pve1 (pending)",
		},
		"snapshot": { // used last, and .201 is not the last
			func(h *host) { h.put(ct{id: 102, ip: "10.0.0.50/24", tail: snapshot}) }, "10.0.0.201", "",
		},
		"VM": {
			func(h *host) { h.vm(200, "ipconfig0: ip=10.0.0.200/24,gw=10.0.0.1") }, "10.0.0.201", "is named by the config of VM 200 on pve1",
		},
		"VM without that NIC": {
			func(h *host) { h.vm(200, "ipconfig3: gw=10.0.0.1,ip=10.0.0.200/24") }, "10.0.0.201", "is named by the config of VM 200 on pve1",
		},
		"VM's pending change": {
			func(h *host) { h.vm(200, "", "[PENDING]", "ipconfig0: ip=10.0.0.200/24") }, "10.0.0.201", "is named by the config of VM 200 on pve1 (pending)",
		},
		"template": {
			func(h *host) { h.put(ct{id: 102, ip: "10.0.0.200/24", more: "template: 1\n"}) }, "10.0.0.200", "",
		},
		"another network": {
			func(h *host) { h.put(ct{id: 102, ip: "10.0.0.200/24", bridge: "vmbr5"}) }, "10.0.0.200", "",
		},
		"no guest's file": {
			func(h *host) {
				h.write("/etc/pve/nodes/pve1/lxc/102.conf.tmp.4711", ct{id: 102, ip: "10.0.0.200/24"}.String())
			}, "10.0.0.200", "",
		},
	}
}

// An address that another guest's config names is leased to nobody else,
// wherever it is named.
func TestAddressThatAnotherConfigNames(t *testing.T) {
	t.Parallel()
	for name, c := range namings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			c.put(h)
			h.put(ct{id: 101, ip: "manual"})
			res := h.start(101, "--explain").exits(hook.OK).says("CT 101 net0 has " + c.want + "/24")
			if c.why != "" {
				res.says("10.0.0.200 was passed over: it " + c.why)
			}
		})
	}
}

func TestAddressOfASnapshotIsUsedLast(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.201", "probe fast"))
	h.put(ct{id: 102, ip: "10.0.0.50/24", tail: "\n[before]\nnet0: name=eth0,bridge=vmbr0,ip=10.0.0.200/24,type=veth\n"})
	h.put(ct{id: 101, ip: "manual"}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.201/24", "lowest free address")
	h.start(103).exits(hook.OK).says("10.0.0.200/24", "nothing better is left", "snapshot")
}

// Invariant 1's exception, and the order in which it is used.
func TestStoppedGuestsAddressIsReusedOnlyWhenNothingBetterIsLeft(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.203", "hold 1h", "probe fast"))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"}, ct{id: 104, ip: "manual"}, ct{id: 105, ip: "manual"})
	for _, id := range []pve.VMID{101, 102, 103} {
		h.start(id).exits(hook.OK)
	}
	for _, id := range []pve.VMID{102, 101, 103} { // in this order
		h.phase(id, "post-stop").exits(hook.OK)
	}
	h.start(104).exits(hook.OK).says("10.0.0.203/24", "lowest free address")
	h.start(105).exits(hook.Exhausted).says("10.0.0.201 is kept for CT 102, stopped since")

	h.rewrite(func(l *lease.Lease) bool {
		if l.State == lease.Released && l.Owner.VMID != 103 {
			l.Since = l.Since.Add(-2 * hour)
		}
		return true
	})
	h.start(105).exits(hook.OK).says("10.0.0.201/24", "nothing better is left")
	h.start(102).exits(hook.OK).says("warning: 10.0.0.201, which net0 names, is leased to CT 105").says("10.0.0.200/24", "nothing better is left")
	h.has(ct{id: 105, ip: "10.0.0.201/24", gw: "10.0.0.1"}, ct{id: 102, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.records(
		"10.0.0.200 ct/102/net0 bound pool", "10.0.0.201 ct/105/net0 bound pool",
		"10.0.0.202 ct/103/net0 released pool", "10.0.0.203 ct/104/net0 bound pool",
	)
}

// Each of these keeps a stopped guest's address from others although its hold
// is over.
func TestStoppedGuestsAddressThatIsNotReused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hold string
		put  ct
	}{
		"hook taken away": {"1h", ct{id: 101, ip: "10.0.0.200/24", plain: true}},
		"hold forever":    {"forever", ct{id: 101, ip: "10.0.0.200/24"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, section("lan", "range 10.0.0.200", "hold "+c.hold, "probe fast"))
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.phase(101, "post-stop").exits(hook.OK)
			h.put(c.put)
			h.rewrite(func(l *lease.Lease) bool { l.Since = l.Since.Add(-1000 * hour); return true })
			h.start(102).exits(hook.Exhausted)
			h.records("10.0.0.200 ct/101/net0 released pool")
		})
	}
}

func TestLeaseOfADestroyedGuestIsTakenADayAfterItWasMissedFirst(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.201", "probe fast"))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.destroy(101)
	h.start(102).exits(hook.OK).says("10.0.0.201/24") // misses CT 101 and notes it
	h.start(103).exits(hook.Exhausted)
	if h.only(101).Missing.IsZero() {
		t.Error("it is not noted that CT 101 is missing")
	}
	h.rewrite(func(l *lease.Lease) bool {
		if !l.Missing.IsZero() {
			l.Missing = l.Missing.Add(-25 * hour)
		}
		return true
	})
	h.start(103).exits(hook.OK).says("10.0.0.200/24", "nothing better is left", "gone")
}
