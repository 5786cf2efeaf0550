package evidence_test

import (
	"net/netip"
	"time"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// rightCases: who has the address may have it.
func rightCases() map[string]judgeCase {
	return map[string]judgeCase{
		"as leased": {
			func(w world) { w.leased(ct(101), lease.Bound); w.named(ct(101), lease.Running, "pve1") },
			heard(voice(webMAC, "veth101i0")),
			"ok: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as leased", "",
		},
		"as leased, on another node": {
			func(w world) { w.leased(ct(102), lease.Bound, withMAC(dbMAC)) },
			heard(voice(dbMAC, "eno1")),
			"ok: 10.0.0.219 is used by CT 102 (db) on pve2, net0, as leased", "",
		},
		"as leased, behind the firewall": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(voice(webMAC, "fwpr101p0")),
			"ok: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as leased", "",
		},
		"as leased, with another MAC address": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(voice(mac("BC:24:11:FF:FF:FF"), "veth101i0")),
			"notice: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as leased, but with another MAC address " +
				"than it was leased to: BC:24:11:00:01:01, now BC:24:11:FF:FF:FF (a Proxmox guest)", "",
		},
		"released, but answering": {
			func(w world) { w.leased(ct(101), lease.Released) },
			heard(voice(webMAC, "veth101i0")),
			"notice: 10.0.0.219 is used by CT 101 (web) on pve1, net0, although its lease is released: " +
				"it was started without the hook, or is just starting", "",
		},
		"static inside the range": {
			func(w world) { w.named(vm(200), lease.Running, "pve1") },
			heard(voice(tvMAC, "tap200i0")),
			"warning: 10.0.0.219 is used by VM 200 (tv) on pve1, net0, as its config says, but the ledger " +
				"doesn't know it, and pool lan may lease it out", "adopt reserve",
		},
		"static outside every range": {
			func(w world) { w.Pools[0].Ranges = nil; w.named(vm(200), lease.Running, "pve1") },
			heard(voice(tvMAC, "tap200i0")),
			"ok: 10.0.0.219 is used by VM 200 (tv) on pve1, net0, as its config says", "",
		},
		"reserved for a VM": {
			func(w world) {
				w.Reservations = []lease.Reservation{{Addr: tested, Owner: ct(200)}}
				w.Pools[0].Ranges = nil
			},
			heard(voice(tvMAC, "tap200i0")),
			"ok: 10.0.0.219 is used by VM 200 (tv) on pve1, net0, as its config says", "",
		},
		"two interfaces of one guest answer": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(voice(webMAC, "veth101i0"), voice(mac("BC:24:11:00:01:FF"), "veth101i1")),
			"ok: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as leased", "",
		},
		"a template and a snapshot name it too": {
			func(w world) {
				w.leased(ct(101), lease.Bound)
				w.named(ct(900), lease.Running, "pve1")
				w.named(ct(102), lease.Snapshot, "pve2")
			},
			heard(voice(webMAC, "veth101i0")),
			"ok: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as leased", "",
		},
	}
}

// conflictCases: two want it.
func conflictCases() map[string]judgeCase {
	return map[string]judgeCase{
		"the conflict of 10.0.0.219": {
			func(w world) {
				w.leased(ct(101), lease.Bound)
				w.served(printer(tvMAC))
				w.Wiring[vm(200)] = evidence.Wiring{Segment: lan, MAC: tvMAC, IP: "dhcp"}
			},
			heard(voice(tvMAC, "tap200i0")),
			"conflict: leased to CT 101 (web) on pve1, but 52:54:00:00:02:00 (QEMU) answers on tap200i0: " +
				"VM 200 (tv) on pve1, whose ipconfig0 is dhcp; dnsmasq's lease calls it printer",
			"isolate reconfigure move reserve",
		},
		"its port is another guest's": {
			func(w world) { w.leased(ct(102), lease.Bound, withMAC(dbMAC)) },
			// A guest that took over another's MAC address still sits on its own port.
			heard(voice(dbMAC, "veth101i0")),
			"conflict: leased to CT 102 (db) on pve2, but BC:24:11:00:01:02 (a Proxmox guest) answers on veth101i0: " +
				"CT 101 (web) on pve1, with a MAC address that its config doesn't have",
			"isolate reconfigure move reserve",
		},
		"another guest has its MAC address": {
			func(w world) {
				g := w.Inventory.Guests[102]
				g.Node, g.MACs = "pve1", append(g.MACs, webMAC)
				w.Inventory.Guests[102] = g
				w.leased(ct(101), lease.Bound)
			},
			heard(voice(webMAC, "veth102i0")),
			"conflict: one MAC twice: BC:24:11:00:01:01 is the MAC address of CT 101 (web) on pve1 and of CT 102 (db) on pve1: " +
				"while both run, what is sent to one of them reaches the other", "reconfigure",
		},
		"another guest has taken its MAC address, which its config doesn't have": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(voice(webMAC, "tap200i0")),
			"conflict: leased to CT 101 (web) on pve1, but BC:24:11:00:01:01 (a Proxmox guest) answers on tap200i0: " +
				"VM 200 (tv) on pve1, with a MAC address that its config doesn't have", "isolate reconfigure move reserve",
		},
		"a stranger has what is leased": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(voice(printerMAC, "eno1")),
			"conflict: leased to CT 101 (web) on pve1, but 00:11:22:33:44:55 answers on eno1: no guest of this cluster",
			"isolate reconfigure move reserve",
		},
		"a stranger has what is kept": {
			func(w world) {
				w.leased(ct(101), lease.Released)
				w.Kernel.Stations = []evidence.Station{{MAC: printerMAC, Port: "eno2"}}
			},
			heard(voice(printerMAC, "")),
			"conflict: kept for CT 101 (web) on pve1, but 00:11:22:33:44:55 answers on eno2: no guest of this cluster",
			"isolate reconfigure move reserve",
		},
		"a stranger has what is reserved": {
			func(w world) { w.Reservations = []lease.Reservation{{Addr: tested, Owner: ct(101)}} },
			heard(voice(printerMAC, "eno1")),
			"conflict: reserved for CT 101 (web) on pve1, but 00:11:22:33:44:55 answers on eno1: no guest of this cluster",
			"isolate reconfigure reserve",
		},
		"another guest has what a config names": {
			func(w world) {
				w.named(ct(102), lease.Pending, "pve2")
				w.Wiring[vm(200)] = evidence.Wiring{IP: "10.0.0.50/24"}
			},
			heard(voice(tvMAC, "tap200i0")),
			"conflict: named by the config of CT 102 (db) on pve2, but 52:54:00:00:02:00 (QEMU) answers on tap200i0: " +
				"VM 200 (tv) on pve1, whose ipconfig0 is 10.0.0.50/24",
			"isolate reconfigure reserve",
		},
		"two hosts answer": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(voice(webMAC, "veth101i0"), voice(printerMAC, "eno1")),
			"conflict: leased to CT 101 (web) on pve1, but two hosts answer: BC:24:11:00:01:01 (a Proxmox guest) on veth101i0, " +
				"CT 101 (web) on pve1; and 00:11:22:33:44:55 on eno1, no guest of this cluster",
			"isolate reconfigure move reserve",
		},
		"two strangers answer": {
			nil,
			heard(voice(mac("DA:00:00:00:00:01"), "eno1"), voice(printerMAC, "eno1")),
			"conflict: two hosts answer: DA:00:00:00:00:01 (random or private address) on eno1, no guest of this cluster; " +
				"and 00:11:22:33:44:55 on eno1, no guest of this cluster",
			"isolate reconfigure reserve",
		},
		"it answers, and another config names it": {
			func(w world) { w.leased(ct(101), lease.Bound); w.named(ct(102), lease.Running, "pve2") },
			heard(voice(webMAC, "veth101i0")),
			"conflict: CT 101 (web) on pve1 has it, but the config of CT 102 (db) on pve2 names it too", "reconfigure",
		},
		"two configs on two nodes' own bridges": {
			func(w world) {
				w.Pools = nil
				w.named(ct(101), lease.Running, "pve1")
				w.named(ct(102), lease.Running, "pve2")
			},
			heard(voice(webMAC, "veth101i0")),
			"ok: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as its config says", "",
		},
		"two configs on two nodes of one pool": {
			func(w world) { w.named(ct(101), lease.Running, "pve1"); w.named(ct(102), lease.Running, "pve2") },
			heard(voice(webMAC, "veth101i0")),
			"conflict: CT 101 (web) on pve1 has it, but the config of CT 102 (db) on pve2 names it too", "reconfigure",
		},
		"two configs, silent": {
			func(w world) { w.named(ct(101), lease.Running, "pve1"); w.named(ct(102), lease.Running, "pve1") },
			heard(),
			"conflict: 10.0.0.219 is named by the config of CT 101 (web) on pve1, and the config of CT 102 (db) on pve2 " +
				"names it too; nobody answers", "reconfigure",
		},
		"DHCP gave it to another, silent": {
			func(w world) { w.leased(ct(101), lease.Bound); w.served(printer(printerMAC)) },
			heard(),
			"conflict: 10.0.0.219 is leased to CT 101 (web) on pve1, but dnsmasq has leased it to printer (00:11:22:33:44:55) " +
				"until 2026-07-01 13:00:00: nobody answers now, and the first to start will have it",
			"isolate reconfigure move reserve",
		},
	}
}

// strangerCases: somebody has it whom nobody expects.
func strangerCases() map[string]judgeCase {
	return map[string]judgeCase{
		"in the range": {
			nil, heard(voice(printerMAC, "eno1")),
			"warning: 10.0.0.219 is used by 00:11:22:33:44:55 on eno1: no guest of this cluster; " +
				"it is in the range of pool lan, which will avoid it", "isolate reconfigure reserve",
		},
		"in the range, known": {
			func(w world) { w.leased(pve.Owner{}, lease.Conflicted, withMAC(printerMAC)) },
			heard(voice(printerMAC, "eno1")),
			"warning: 10.0.0.219 is used by 00:11:22:33:44:55 on eno1: no guest of this cluster; " +
				"pool lan avoids the address since 2026-06-28 12:00:00", "isolate reconfigure reserve",
		},
		"in no range": {
			func(w world) { w.Pools = nil }, heard(voice(printerMAC, "eno1")),
			"ok: 10.0.0.219 is used by 00:11:22:33:44:55 on eno1: no guest of this cluster", "",
		},
		"reserved for nobody": {
			func(w world) { w.Reservations = []lease.Reservation{{Addr: tested, Comment: "printer"}} },
			heard(voice(printerMAC, "eno1")),
			"ok: 10.0.0.219 is used by 00:11:22:33:44:55 on eno1: no guest of this cluster; it is reserved, for no guest", "",
		},
		"a VM by DHCP": {
			func(w world) { w.Pools = nil; w.Wiring[vm(200)] = evidence.Wiring{}; w.served(printer(tvMAC)) },
			heard(voice(tvMAC, "tap200i0")),
			"ok: 10.0.0.219 is used by 52:54:00:00:02:00 (QEMU) on tap200i0: VM 200 (tv) on pve1, " +
				"which has no ipconfig0; dnsmasq's lease calls it printer", "",
		},
		"a port without a config": {
			func(w world) { w.Pools = nil }, heard(voice(printerMAC, "tap555i0")),
			"ok: 10.0.0.219 is used by 00:11:22:33:44:55 on tap555i0: VM 555, which is on no node", "",
		},
		"a guest's port in the forwarding table, where one forged frame put it": {
			func(w world) {
				w.Pools = nil
				w.Kernel.Stations = []evidence.Station{{MAC: printerMAC, Bridge: "vmbr0", Port: "tap200i0"}}
			}, heard(voice(printerMAC, "")),
			"ok: 10.0.0.219 is used by 00:11:22:33:44:55: no guest of this cluster", "",
		},
		"hostile names": {
			func(w world) {
				w.Pools = nil
				w.served(dhcp.Lease{Addr: tested, MAC: printerMAC, Name: "\x1b[2Jpwned", Until: now.Add(-time.Hour)})
			},
			heard(voice(printerMAC, "eno1")),
			"ok: 10.0.0.219 is used by 00:11:22:33:44:55 on eno1: no guest of this cluster; dnsmasq's lease called it �[2Jpwned", "",
		},
		"a proxy": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(evidence.Responder{MAC: printerMAC, Port: "eno1", Proxy: true}),
			"warning: 00:11:22:33:44:55 on eno1 answers for 10.0.0.219 and for addresses that nobody has: a proxy or worse " +
				"(no guest of this cluster); it is leased to CT 101 (web) on pve1", "isolate",
		},
		"a proxy beside the guest": {
			func(w world) { w.leased(ct(101), lease.Bound) },
			heard(evidence.Responder{MAC: printerMAC, Port: "eno1", Proxy: true}, voice(webMAC, "veth101i0")),
			"ok: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as leased", "",
		},
	}
}

// silentCases: nobody answers.
func silentCases() map[string]judgeCase {
	return map[string]judgeCase{
		"free": {nil, heard(), "ok: 10.0.0.219 is free: nobody answers, and nothing names it", ""},
		"free, but somebody probes for it": {
			nil, heard(evidence.Responder{MAC: printerMAC, Port: "eno1", Asks: true}),
			"ok: 10.0.0.219 is free: nobody answers, and nothing names it", "",
		},
		"free, in a DHCP server's range": {
			func(w world) { w.served() }, heard(),
			"warning: 10.0.0.219 is free: nobody answers, and nothing names it; dnsmasq may give it to anybody (10.0.0.100-10.0.0.250)",
			"reconfigure",
		},
		"can't tell": {
			nil, doubtful(),
			"notice: 10.0.0.219: nothing names it, but whether somebody uses it can't be told: no uplink of vmbr0 has a link: eno1", "look",
		},
		"not asked": {
			nil, nil,
			"notice: 10.0.0.219: nothing names it, but whether somebody uses it can't be told: nobody was asked on the network", "look",
		},
		"leased, down": {
			func(w world) { w.leased(ct(101), lease.Bound) }, heard(),
			"notice: 10.0.0.219 is leased to CT 101 (web) on pve1, net0, but nobody answers: it is down, or doesn't use it", "look",
		},
		"leased, can't tell": {
			func(w world) { w.leased(ct(101), lease.Bound) }, doubtful(),
			"ok: 10.0.0.219 is leased to CT 101 (web) on pve1 (the network can't tell: no uplink of vmbr0 has a link: eno1)", "",
		},
		"leased, not asked": {
			func(w world) { w.leased(ct(101), lease.Bound) }, nil,
			"ok: 10.0.0.219 is leased to CT 101 (web) on pve1", "",
		},
		"kept": {
			func(w world) { w.leased(ct(101), lease.Released) }, heard(),
			"ok: 10.0.0.219 is kept for CT 101 (web) on pve1, stopped since 2026-06-28 12:00:00; nobody answers", "",
		},
		"offered": {
			func(w world) { w.leased(ct(110), lease.Offered, func(l *lease.Lease) { l.Until = now.Add(time.Hour) }) }, heard(),
			"ok: 10.0.0.219 is offered to CT 110, which is on no node; nobody answers", "",
		},
		"an offer that is over": {
			func(w world) { w.leased(ct(110), lease.Offered, func(l *lease.Lease) { l.Until = now }) }, heard(),
			"ok: 10.0.0.219 is free: nobody answers, and nothing names it", "",
		},
		"leased to a guest that is gone": {
			func(w world) { w.leased(ct(110), lease.Released) }, heard(),
			"warning: 10.0.0.219 is kept for CT 110, which is on no node; nobody answers", "free",
		},
		"a stranger who went": {
			func(w world) { w.leased(pve.Owner{}, lease.Conflicted, withMAC(tvMAC)) }, heard(),
			"notice: 10.0.0.219 was in use by 52:54:00:00:02:00 (VM 200 (tv) on pve1) at 2026-06-28 12:00:00, " +
				"which no lease explains; nobody answers; the pool asks again before it leases it", "",
		},
		"leased by DHCP": {
			func(w world) { w.Pools = nil; w.served(printer(tvMAC)) }, heard(),
			"ok: 10.0.0.219 is leased by dnsmasq to printer (52:54:00:00:02:00), VM 200 (tv) on pve1 until 2026-07-01 13:00:00; nobody answers",
			"",
		},
		"reserved by DHCP": {
			func(w world) {
				w.DHCP.Files = []dhcp.File{{Format: dhcp.KeaConfig, Contents: dhcp.Contents{Reservations: []dhcp.Reservation{{Addr: tested, MAC: printerMAC}}}}}
			}, heard(),
			"warning: 10.0.0.219 is reserved by Kea for 00:11:22:33:44:55; nobody answers", "reserve",
		},
		"given by the SDN": {
			func(w world) { w.IPAM = []inventory.IPAMEntry{{Addr: tested, Zone: "z1", VMID: 102}} }, heard(),
			"warning: 10.0.0.219 is given by Proxmox's SDN, zone z1, to CT 102 (db) on pve2; nobody answers", "reserve",
		},
		"seen a while ago": {
			func(w world) {
				w.Kernel.Neighbours = []evidence.Neighbour{{Addr: tested, MAC: printerMAC, Device: "vmbr0", Seen: 5 * time.Minute}}
				w.Kernel.Stations = []evidence.Station{{MAC: printerMAC, Bridge: "vmbr0", Port: "eno1", Seen: time.Minute}}
			}, heard(),
			"notice: 10.0.0.219 was used by 00:11:22:33:44:55 on eno1 5 min ago: no guest of this cluster; nobody answers", "",
		},
		"a template names it": {
			func(w world) { w.named(ct(900), lease.Running, "pve1") }, heard(),
			"ok: 10.0.0.219 is free, but the template of CT 900 (golden) on pve1 names it; nobody answers", "",
		},
	}
}

// fixedCases: addresses that are nobody's to lease.
func fixedCases() map[string]judgeCase {
	gateway := func(w world) { w.Pools[0].Gateway.Addr = tested }
	never := func(why string) func(world) { return func(w world) { w.Inventory.Never[tested] = why } }
	return map[string]judgeCase{
		"this node": {never("an address of this node"), heard(), "ok: 10.0.0.219 is an address of this node", ""},
		"this node, and somebody else": {
			never("an address of this node"), heard(voice(printerMAC, "eno1")),
			"conflict: 10.0.0.219 is an address of this node, but 00:11:22:33:44:55 answers on eno1: no guest of this cluster",
			"isolate reconfigure reserve",
		},
		"this node, and a config": {
			func(w world) { never("an address of this node")(w); w.named(ct(101), lease.Running, "pve1") }, heard(),
			"conflict: 10.0.0.219 is an address of this node, and named by the config of CT 101 (web) on pve1", "reconfigure",
		},
		"another node": {
			never("an address of node pve2"), heard(voice(printerMAC, "eno1")),
			"ok: 10.0.0.219 is an address of node pve2: 00:11:22:33:44:55 answers on eno1, no guest of this cluster", "",
		},
		"the gateway": {
			gateway, heard(voice(printerMAC, "eno1")),
			"ok: 10.0.0.219 is the gateway of pool lan: 00:11:22:33:44:55 answers on eno1, no guest of this cluster", "",
		},
		"the gateway is a VM": {
			func(w world) { gateway(w); w.named(vm(200), lease.Running, "pve1") }, heard(voice(tvMAC, "tap200i0")),
			"ok: 10.0.0.219 is the gateway of pool lan: 52:54:00:00:02:00 (QEMU) answers on tap200i0, VM 200 (tv) on pve1", "",
		},
		"the gateway, and a config": {
			func(w world) { gateway(w); w.named(ct(101), lease.Running, "pve1") }, heard(voice(printerMAC, "eno1")),
			"conflict: 10.0.0.219 is the gateway of pool lan, and named by the config of CT 101 (web) on pve1", "reconfigure",
		},
		"infrastructure, silent": {
			func(w world) { w.Named = map[netip.Addr]string{tested: "network.dns[0]"} }, doubtful(),
			"notice: 10.0.0.219 is network.dns[0] of the pools file (the network can't tell: no uplink of vmbr0 has a link: eno1)", "",
		},
	}
}

func withMAC(m pve.MAC) func(*lease.Lease) { return func(l *lease.Lease) { l.MAC = m } }

// unreadCases: the ledger could not be read, so what it would say is unknown.
func unreadCases() map[string]judgeCase {
	const cant = "can't be told, for the ledger can't be read"
	all := map[string]judgeCase{
		"the guest of a config answers": {
			func(w world) { w.named(ct(101), lease.Running, "pve1") },
			heard(voice(webMAC, "veth101i0")),
			"notice: 10.0.0.219 is used by CT 101 (web) on pve1, net0, as its config says; whether it is leased " + cant, "",
		},
		"a guest answers that no config gives it to": {
			nil,
			heard(voice(tvMAC, "tap200i0")),
			"notice: 10.0.0.219 is used by 52:54:00:00:02:00 (QEMU) on tap200i0: VM 200 (tv) on pve1; it is in the range of pool lan, " +
				"and whether it is leased to it " + cant, "",
		},
		"nobody answers": {
			nil, heard(), "notice: 10.0.0.219: no config names it; nobody answers; whether it is leased " + cant, "",
		},
		"a snapshot names it": {
			func(w world) { w.named(ct(102), lease.Snapshot, "pve2") },
			heard(), "notice: 10.0.0.219: no config names it; nobody answers; whether it is leased " + cant, "",
		},
		"a DHCP server has leased it": {
			func(w world) { w.served(printer(printerMAC)) }, heard(),
			"notice: 10.0.0.219 is leased by dnsmasq to printer (00:11:22:33:44:55) until 2026-07-01 13:00:00; nobody answers", "reconfigure reserve",
		},
		"two configs name it all the same": {
			func(w world) { w.named(ct(101), lease.Running, "pve1"); w.named(ct(102), lease.Running, "pve1") },
			heard(),
			"conflict: 10.0.0.219 is named by the config of CT 101 (web) on pve1, and the config of CT 102 (db) on pve2 " +
				"names it too; nobody answers", "reconfigure",
		},
	}
	unread := map[string]judgeCase{}
	for name, c := range all {
		before := c.world
		c.world = func(w world) {
			w.Unread = true
			if before != nil {
				before(w)
			}
		}
		unread["unread ledger: "+name] = c
	}
	return unread
}
