package evidence_test

import (
	"fmt"
	"net/netip"
	"time"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/vendor"
)

// The world of all cases: the LAN 10.0.0.0/24 on vmbr0, of which pool lan
// leases .200 to .239, seen from pve1 on a summer's day.
var (
	now    = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	lan    = pve.NewSegment("vmbr0", 0)
	tested = addr("10.0.0.219")

	webMAC     = mac("BC:24:11:00:01:01") // CT 101 web on pve1
	dbMAC      = mac("BC:24:11:00:01:02") // CT 102 db on pve2
	tvMAC      = mac("52:54:00:00:02:00") // VM 200 tv on pve1, tap200i0
	printerMAC = mac("00:11:22:33:44:55") // no guest
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(s string) pve.MAC {
	m, err := pve.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func ct(id pve.VMID) pve.Owner { return pve.Owner{VMID: id} }

func vm(id pve.VMID) pve.Owner { return pve.Owner{Kind: pve.VM, VMID: id} }

// world is an estate under construction.
type world struct{ *evidence.Snapshot }

func newWorld() world {
	span := pve.Range{First: addr("10.0.0.200"), Last: addr("10.0.0.239")}
	return world{&evidence.Snapshot{
		Now: now, Node: "pve1", Maker: vendor.Name, Table: lease.NewTable(),
		Pools: []lease.Pool{{
			Name: "lan", Bridge: "vmbr0", Subnet: netip.MustParsePrefix("10.0.0.0/24"),
			Gateway: lease.Gateway{Addr: addr("10.0.0.1")}, Ranges: []pve.Range{span}, Hold: 24 * time.Hour,
		}},
		Inventory: lease.Inventory{
			Complete: true, Uses: map[netip.Addr][]lease.Use{}, Never: map[netip.Addr]string{},
			Guests: map[pve.VMID]lease.Guest{
				101: {VMID: 101, Node: "pve1", Name: "web", Hooked: true, MACs: []pve.MAC{webMAC}},
				102: {VMID: 102, Node: "pve2", Name: "db", Hooked: true, MACs: []pve.MAC{dbMAC}},
				200: {Kind: pve.VM, VMID: 200, Node: "pve1", Name: "tv", MACs: []pve.MAC{tvMAC}},
				900: {VMID: 900, Node: "pve1", Name: "golden", Template: true},
			},
		},
		Wiring: map[pve.Owner]evidence.Wiring{},
	}}
}

// leased puts a lease of the tested address into the ledger.
func (w world) leased(o pve.Owner, state lease.State, edit ...func(*lease.Lease)) {
	l := lease.Lease{
		Key: lease.Key{Segment: lan, Addr: tested}, Owner: o, State: state, Since: now.Add(-72 * time.Hour),
		MAC: webMAC, Claim: lease.Claim{Node: "pve1"},
	}
	for _, e := range edit {
		e(&l)
	}
	w.Table.Add(l)
}

// named puts the tested address into a guest's config.
func (w world) named(o pve.Owner, where lease.Where, node string) {
	u := lease.Use{Addr: tested, Owner: o, Where: where, Segment: pve.NewSegment("vmbr0", 0, node)}
	w.Inventory.Uses[tested] = append(w.Inventory.Uses[tested], u)
}

// served adds a file of dnsmasq that gives out .100 to .250.
func (w world) served(leases ...dhcp.Lease) {
	w.DHCP.Files = append(w.DHCP.Files, dhcp.File{
		Path: "/etc/dnsmasq.conf", Format: dhcp.DnsmasqConfig, Modified: now.Add(-time.Hour),
		Contents: dhcp.Contents{Ranges: []pve.Range{{First: addr("10.0.0.100"), Last: addr("10.0.0.250")}}},
	}, dhcp.File{
		Path: "/var/lib/misc/dnsmasq.leases", Format: dhcp.DnsmasqLeases, Modified: now.Add(-2 * time.Minute),
		Contents: dhcp.Contents{Leases: leases},
	})
}

func printer(m pve.MAC) dhcp.Lease {
	return dhcp.Lease{Addr: tested, MAC: m, Name: "printer", Until: now.Add(time.Hour)}
}

// voice is a host that answers on a port.
func voice(m pve.MAC, port string) evidence.Responder { return evidence.Responder{MAC: m, Port: port} }

func heard(voices ...evidence.Responder) []evidence.ProbeResult {
	return []evidence.ProbeResult{{Segment: lan, Addr: tested, Voices: voices, Sent: 14}}
}

func doubtful() []evidence.ProbeResult {
	return []evidence.ProbeResult{{Segment: lan, Addr: tested, Doubt: "no uplink of vmbr0 has a link: eno1", Sent: 14}}
}

func text(all []netip.Addr) string { return fmt.Sprint(all) }
