package evidence_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestAudit shows each rule alone: what it finds, and what it must not find.
func TestAudit(t *testing.T) {
	t.Parallel()
	other := addr("10.0.0.220")
	namedAt := func(w world, a netip.Addr, o pve.Owner) {
		w.Inventory.Uses[a] = append(w.Inventory.Uses[a], lease.Use{Addr: a, Owner: o, Segment: pve.NewSegment("vmbr0", 0, "pve1")})
	}
	for name, c := range map[string]struct {
		world   func(world)
		heard   []evidence.ProbeResult
		scripts []evidence.Script
		want    string
	}{
		"nothing": {},
		"all in order": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound)
				w.named(ct(101), lease.Running, "pve1")
				w.named(ct(102), lease.Snapshot, "pve2")
				w.named(ct(900), lease.Running, "pve1")
				w.Reservations = []lease.Reservation{{Addr: tested, Owner: ct(101)}}
				w.IPAM = []inventory.IPAMEntry{{Addr: tested, VMID: 101}}
				w.Kernel = evidence.Kernel{
					Bridges:    []string{"vmbr0"},
					Neighbours: []evidence.Neighbour{{Addr: tested, MAC: webMAC, Device: "vmbr0"}},
					Stations:   []evidence.Station{{MAC: webMAC, Bridge: "vmbr0", Port: "veth101i0"}},
				}
			},
			heard:   heard(voice(webMAC, "veth101i0")),
			scripts: []evidence.Script{{Volume: "local:snippets/pve-iplease"}},
		},
		"contested": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound, func(l *lease.Lease) { l.Contested = true })
				w.named(ct(101), lease.Running, "pve1")
			},
			want: "notice 10.0.0.219: 10.0.0.219 of CT 101 (web) on pve1 is contested: somebody else had it, named it or was heard with it, and nothing has proved since that it is free",
		},
		"contested, and proved here": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound, func(l *lease.Lease) { l.Contested = true })
				w.named(ct(101), lease.Running, "pve1")
				w.Contested = func(lease.Lease) bool { return false }
			},
		},
		"vouched for": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound, func(l *lease.Lease) { l.Vouched = []pve.Owner{ct(101), ct(102)} })
				w.named(ct(101), lease.Running, "pve1")
			},
			want: "notice 10.0.0.219: 10.0.0.219 of CT 101 (web) on pve1 is vouched for: by an administrator's word nobody else has it, though its address is named by CT 102 (db) on pve2",
		},
		"the wire": {
			world: func(w world) { w.leased(ct(101), lease.Bound); w.named(ct(101), lease.Running, "pve1") },
			heard: heard(voice(printerMAC, "eno1")),
			want:  "conflict 10.0.0.219: leased to CT 101 (web) on pve1, but 00:11:22:33:44:55 answers on eno1: no guest of this cluster",
		},
		"what the kernel overheard": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound)
				w.named(ct(101), lease.Running, "pve1")
				w.Kernel = evidence.Kernel{
					Bridges:    []string{"vmbr0"},
					Neighbours: []evidence.Neighbour{{Addr: tested, MAC: tvMAC, Device: "vmbr0"}},
					Stations:   []evidence.Station{{MAC: tvMAC, Bridge: "vmbr0", Port: "tap200i0"}},
				}
			},
			want: "conflict 10.0.0.219: leased to CT 101 (web) on pve1, but 52:54:00:00:02:00 (QEMU) answers on tap200i0: VM 200 (tv) on pve1",
		},
		"what the kernel overheard long ago": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound)
				w.named(ct(101), lease.Running, "pve1")
				w.Kernel = evidence.Kernel{
					Bridges: []string{"vmbr0"}, Neighbours: []evidence.Neighbour{{Addr: tested, MAC: tvMAC, Device: "vmbr0", Seen: time.Hour}},
				}
			},
		},
		"another address in the config": {
			world: func(w world) { w.leased(ct(101), lease.Bound); namedAt(w, addr("10.0.0.7"), ct(101)) },
			want:  "warning 10.0.0.219: 10.0.0.219 is leased to CT 101 (web) on pve1, but net0 of its config says 10.0.0.7",
		},
		"no address in the config": {
			world: func(w world) { w.leased(ct(101), lease.Bound) },
			want:  "warning 10.0.0.219: 10.0.0.219 is leased to CT 101 (web) on pve1, but net0 of its config names no address",
		},
		"a start under way": {
			world: func(w world) {
				w.leased(ct(101), lease.Bound, func(l *lease.Lease) { l.Was = addr("10.0.0.7") })
				namedAt(w, addr("10.0.0.7"), ct(101))
			},
		},
		"stopped, with another address in the config": {
			world: func(w world) { w.leased(ct(101), lease.Released); namedAt(w, addr("10.0.0.7"), ct(101)) },
		},
		"two configs": {
			world: func(w world) { w.named(ct(101), lease.Running, "pve1"); w.named(vm(200), lease.Running, "pve1") },
			want: "conflict 10.0.0.219: 10.0.0.219 is named by the config of CT 101 (web) on pve1, " +
				"and the config of VM 200 (tv) on pve1 names it too",
		},
		"static in a range": {
			world: func(w world) { w.named(vm(200), lease.Running, "pve1") },
			want: "warning 10.0.0.219: 10.0.0.219 is in the range of pool lan, and written by hand into the config of VM 200 (tv) on pve1: " +
				"the ledger doesn't know it",
		},
		"static in a range, with our hook": {
			world: func(w world) { w.named(ct(101), lease.Running, "pve1") },
			want: "notice 10.0.0.219: 10.0.0.219 is in the range of pool lan, and written by hand into the config of CT 101 (web) on pve1: " +
				"the ledger doesn't know it",
		},
		"a lease of a guest that is gone": {
			world: func(w world) { w.leased(ct(110), lease.Bound) },
			want:  "warning 10.0.0.219: 10.0.0.219 is leased to CT 110, which is on no node",
		},
		"gone, but not everything could be read": {
			world: func(w world) { w.Inventory.Complete = false; w.leased(ct(110), lease.Bound) },
		},
		"a DHCP server's range": {
			world: func(w world) { w.served() },
			want:  "warning pool lan: dnsmasq gives out 10.0.0.100-10.0.0.250, which overlaps pool lan (10.0.0.200-10.0.0.239)",
		},
		"a DHCP server's range, excluded from the pool": {
			world: func(w world) {
				w.served()
				w.Pools[0].Excludes = []pve.Range{{First: addr("10.0.0.200"), Last: addr("10.0.0.230")}, {First: addr("10.0.0.231"), Last: addr("10.0.0.239")}}
			},
		},
		"a DHCP server's client": {
			world: func(w world) { w.served(printer(printerMAC)); w.DHCP.Files = w.DHCP.Files[1:] },
			want:  "warning 10.0.0.219: 10.0.0.219 is leased by dnsmasq to printer (00:11:22:33:44:55) until 2026-07-01 13:00:00",
		},
		"a reservation for nobody there": {
			world: func(w world) { w.Reservations = []lease.Reservation{{Addr: tested, Owner: ct(110), Comment: "soon"}} },
			want:  "warning 10.0.0.219: 10.0.0.219 is reserved for guest 110, which is on no node (soon)",
		},
		"a reservation that is not used yet": {
			world: func(w world) {
				w.Reservations = []lease.Reservation{{Addr: tested, Owner: ct(101)}}
				namedAt(w, addr("10.0.0.7"), ct(101))
			},
			want: "notice 10.0.0.219: 10.0.0.219 is reserved for CT 101 (web) on pve1, which has 10.0.0.7",
		},
		"a reservation for a guest that never asks": {
			world: func(w world) { w.Reservations = []lease.Reservation{{Addr: tested, Owner: vm(200)}} },
			want:  "warning 10.0.0.219: 10.0.0.219 is reserved for VM 200 (tv) on pve1, which doesn't have our hook and will never ask for it",
		},
		"a reservation for no guest, used by one": {
			world: func(w world) {
				w.Pools[0].Ranges = nil
				w.Reservations = []lease.Reservation{{Addr: tested, Comment: "printer"}}
				w.named(vm(200), lease.Running, "pve1")
			},
			want: "warning 10.0.0.219: 10.0.0.219 is reserved for no guest (printer), but it is named by the config of VM 200 (tv) on pve1",
		},
		"Proxmox's SDN": {
			world: func(w world) {
				w.leased(ct(101), lease.Released)
				w.IPAM = []inventory.IPAMEntry{{Addr: tested, Zone: "z", VMID: 102}}
			},
			want: "warning 10.0.0.219: 10.0.0.219 is kept for CT 101 (web) on pve1, but Proxmox's SDN, zone z, gives it to CT 102 (db) on pve2",
		},
		"two guests with one MAC address": {
			world: func(w world) {
				for _, id := range []pve.VMID{102, 900} { // a template never runs
					g := w.Inventory.Guests[id]
					g.MACs = append(g.MACs, webMAC)
					w.Inventory.Guests[id] = g
				}
			},
			want: "warning BC:24:11:00:01:01: one MAC twice: BC:24:11:00:01:01 is the MAC address of CT 101 (web) on pve1 and of CT 102 (db) on pve2: " +
				"while both run, what is sent to one of them reaches the other",
		},
		"two running guests with one MAC address": {
			world: func(w world) {
				g := w.Inventory.Guests[102]
				g.Node, g.MACs = "pve1", []pve.MAC{webMAC}
				w.Inventory.Guests[102] = g
				w.leased(ct(101), lease.Bound)
				w.named(ct(101), lease.Running, "pve1")
				w.leased(ct(102), lease.Bound, func(l *lease.Lease) { l.Addr = other })
				namedAt(w, other, ct(102))
			},
			heard: append(heard(voice(webMAC, "veth102i0")), evidence.ProbeResult{Segment: lan, Addr: other, Voices: []evidence.Responder{voice(webMAC, "veth102i0")}}),
			want: "conflict BC:24:11:00:01:01: one MAC twice: BC:24:11:00:01:01 is the MAC address of CT 101 (web) on pve1 and of CT 102 (db) on pve1: " +
				"while both run, what is sent to one of them reaches the other",
		},
		"a hookscript": {
			scripts: []evidence.Script{{Volume: "local:snippets/pve-iplease", Node: "pve1", Path: "/p", Guests: []pve.VMID{101, 102}, Problem: "is missing"}},
			want: "warning local:snippets/pve-iplease: on pve1 the hookscript local:snippets/pve-iplease of guest 101, 102 is missing: " +
				"Proxmox starts no guest without its hookscript",
		},
		"the worst first": {
			world: func(w world) {
				w.leased(ct(110), lease.Bound)
				namedAt(w, other, ct(101))
				namedAt(w, other, ct(102))
				w.DHCP.Files = []dhcp.File{{Format: dhcp.ISCConfig, Contents: dhcp.Contents{Ranges: []pve.Range{{First: other, Last: other}}}}}
			},
			want: "conflict 10.0.0.220: 10.0.0.220 is named by the config of CT 101 (web) on pve1, and the config of CT 102 (db) on pve2 names it too\n" +
				"warning pool lan: ISC dhcpd gives out 10.0.0.220, which overlaps pool lan (10.0.0.200-10.0.0.239)\n" +
				"warning 10.0.0.219: 10.0.0.219 is leased to CT 110, which is on no node",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			if c.world != nil {
				c.world(w)
			}
			var got []string
			for _, f := range evidence.Audit(w.Snapshot, c.heard, c.scripts) {
				got = append(got, f.Severity.String()+" "+f.About+": "+f.Text)
				if len(f.Do) == 0 {
					t.Errorf("%s: nothing to do about it", f.Text)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
