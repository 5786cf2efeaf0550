package dhcp_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/pve"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(s string) pve.MAC {
	m, err := pve.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func span(first, last string) pve.Range { return pve.Range{First: addr(first), Last: addr(last)} }

// The times of all cases: an evening in November 2023.
const evening = 1700000000

const halfRow = "it has 1 of 4 columns: it is being written"

// options compare points in time, not zones, and addresses by value.
var options = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	cmpopts.EquateEmpty(),
}

// parseCase is a file and what it says.
type parseCase struct {
	format dhcp.Format
	text   string
	want   dhcp.Contents
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, cases := range []map[string]parseCase{dnsmasqCases(), iscCases(), keaCases(), otherCases()} {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := dhcp.Parse(c.format, []byte(c.text))
				if diff := cmp.Diff(c.want, got, options); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if sniffed := dhcp.Sniff([]byte(c.text)); c.want.Leases != nil && sniffed != c.format {
					t.Errorf("taken for %v, want %v", sniffed, c.format)
				}
			})
		}
	}
}

func dnsmasqCases() map[string]parseCase {
	printer := mac("52:54:00:12:34:56")
	return map[string]parseCase{
		"dnsmasq leases": {
			dhcp.DnsmasqLeases,
			"1700000000 52:54:00:12:34:56 10.0.0.219 printer 01:52:54:00:12:34:56\n0 bc:24:11:00:00:01 10.0.0.7 * *\n" +
				"duid 00:01:00:01:2c\n1700000000 1193046 fd00::5 laptop 00:01\n",
			dhcp.Contents{Leases: []dhcp.Lease{
				{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer", Until: at(evening)},
				{Addr: addr("10.0.0.7"), MAC: mac("BC:24:11:00:00:01")},
				{Addr: addr("fd00::5"), Name: "laptop", Until: at(evening)},
			}},
		},
		"dnsmasq leases, half a line": {
			dhcp.DnsmasqLeases, "0 52:54:00:12:34:56 10.0.0.219 printer *\n0 52:54:00:12",
			dhcp.Contents{
				Leases:   []dhcp.Lease{{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer"}},
				Problems: []dhcp.Problem{{Line: 2, Text: "it is cut off, or no lease"}},
			},
		},
		"dnsmasq leases, token ring and a year that nobody prints": {
			dhcp.DnsmasqLeases, "9223372036854775807 06-01:02:03:04:05:06 10.0.0.219 a\x1b[31mb *\n",
			dhcp.Contents{Leases: []dhcp.Lease{{Addr: addr("10.0.0.219"), Name: "a\x1b[31mb"}}},
		},
		"dnsmasq config": {
			dhcp.DnsmasqConfig, `# the office
interface=vmbr0 # here
dhcp-range=set:lan,10.0.0.100,10.0.0.250,255.255.255.0,12h
dhcp-range = 10.0.1.5 , 10.0.1.6
dhcp-range=fd00::100,fd00::1ff,64
dhcp-range=::1,::400,constructor:eth0
dhcp-range=192.168.0.0,static
dhcp-host=52:54:00:12:34:56,printer,10.0.0.219,infinite
dhcp-host=nas,10.0.0.9
dhcp-host=52:54:00:12:34:56,ignore
dhcp-leasefile=/srv/leases
dhcp-hostsdir=/srv/hosts
conf-dir=/srv/dnsmasq.d,*.conf
conf-file="/srv/more # quoted"
dhcp-range=eth0
`,
			dhcp.Contents{
				Ranges: []pve.Range{span("10.0.0.100", "10.0.0.250"), span("10.0.1.5", "10.0.1.6"), span("fd00::100", "fd00::1ff")},
				Reservations: []dhcp.Reservation{
					{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer"},
					{Addr: addr("10.0.0.9"), Name: "nas"},
				},
				References: []dhcp.Reference{
					{Format: dhcp.DnsmasqLeases, Path: "/srv/leases"},
					{Format: dhcp.DnsmasqHosts, Path: "/srv/hosts", Dir: true},
					{Format: dhcp.DnsmasqConfig, Path: "/srv/dnsmasq.d", Dir: true, Only: []string{".conf"}},
					{Format: dhcp.DnsmasqConfig, Path: "/srv/more # quoted"},
				},
				Problems: []dhcp.Problem{{Line: 15, Text: "its dhcp-range has no start and end"}},
			},
		},
		"Proxmox's SDN": {
			dhcp.DnsmasqConfig, "dhcp-range=set:zone1-10.0.0.0-24,10.0.0.0,static,255.255.255.0,infinite\ninterface=vnet0\n",
			dhcp.Contents{},
		},
		"Proxmox's ethers": {
			dhcp.DnsmasqHosts, "BC:24:11:00:00:01,10.0.0.5\nBC:24:11:00:00:02,10.0.0.6,[fd00::6]\n\n# old\n",
			dhcp.Contents{Reservations: []dhcp.Reservation{
				{Addr: addr("10.0.0.5"), MAC: mac("BC:24:11:00:00:01")},
				{Addr: addr("10.0.0.6"), MAC: mac("BC:24:11:00:00:02")},
				{Addr: addr("fd00::6"), MAC: mac("BC:24:11:00:00:02")},
			}},
		},
	}
}

func iscCases() map[string]parseCase {
	printer := mac("52:54:00:12:34:56")
	return map[string]parseCase{
		"dhcpd leases, the last record wins": {
			dhcp.ISCLeases, `# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
lease 10.0.0.219 {
  starts 2 2023/11/14 10:13:20;
  ends 2 2023/11/14 22:13:20;
  binding state active;
  hardware ethernet 52:54:00:12:34:56;
  uid "\001RT\000\0224V";
  set vendor-class-identifier = "udhcp 1.35.0";
  client-hostname "printer";
}
lease 10.0.0.220 { ends epoch 1700000000; # Tue Nov 14 22:13:20 2023
  binding state active; hardware ethernet 00:00:5e:00:53:01; client-hostname "a\"b\101"; }
lease 10.0.0.221 { ends never; binding state active; hardware token-ring 01:02; }
lease 10.0.0.222 { ends never; binding state abandoned; next binding state free; client-hostname "lost quote
; }
lease 10.0.0.219 { ends 3 2023/11/15 1:00:00; binding state free; }
host added { dynamic; hardware ethernet 52:54:00:12:34:56; fixed-address 10.0.0.9; }
host removed { deleted; fixed-address 10.0.0.10; }
`,
			dhcp.Contents{
				Leases: []dhcp.Lease{
					{Addr: addr("10.0.0.219"), State: dhcp.Ended, Until: time.Date(2023, 11, 15, 1, 0, 0, 0, time.UTC)},
					{Addr: addr("10.0.0.220"), MAC: mac("00:00:5e:00:53:01"), Name: `a"bA`, Until: at(evening)},
					{Addr: addr("10.0.0.221")},
					{Addr: addr("10.0.0.222"), State: dhcp.Abandoned, Name: "lost quote"},
				},
				Reservations: []dhcp.Reservation{{Addr: addr("10.0.0.9"), MAC: printer, Name: "added"}},
			},
		},
		"dhcpd leases, half a record": {
			dhcp.ISCLeases, "lease 10.0.0.219 { ends never; binding state active; }\nlease 10.0.0.219 {\n  ends never;\n  binding state fr",
			dhcp.Contents{
				Leases:   []dhcp.Lease{{Addr: addr("10.0.0.219")}},
				Problems: []dhcp.Problem{{Line: 2, Text: "the file ends within this record: it is cut off, or being written"}},
			},
		},
		"dhcpd leases, a record without its end": {
			dhcp.ISCLeases, "lease 10.0.0.1 {\n ends never;\nlease 10.0.0.2 {\n ends never;\n}\n}\n",
			dhcp.Contents{
				Leases:   []dhcp.Lease{{Addr: addr("10.0.0.2")}, {Addr: addr("10.0.0.1")}},
				Problems: []dhcp.Problem{{Line: 3, Text: "the record above it has no end"}},
			},
		},
		"dhcpd config": {
			dhcp.ISCConfig, `option domain-name "example.org"; # {
include "/etc/dhcp/more.conf";
shared-network office {
  subnet 10.0.0.0 netmask 255.255.255.0 {
    option routers 10.0.0.1;
    range 10.0.0.100 10.0.0.199;
    pool { allow unknown-clients; range dynamic-bootp 10.0.0.210; }
    group { host printer { hardware ethernet 52:54:00:12:34:56; fixed-address 10.0.0.219, printer.example.org, 10.0.1.219; } }
  }
}
lease-file-name "/srv/dhcpd.leases";
range 10.0.0.9 10.0.0.1;
`,
			dhcp.Contents{
				Ranges: []pve.Range{span("10.0.0.100", "10.0.0.199"), span("10.0.0.210", "10.0.0.210")},
				Reservations: []dhcp.Reservation{
					{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer"},
					{Addr: addr("10.0.1.219"), MAC: printer, Name: "printer"},
				},
				References: []dhcp.Reference{
					{Format: dhcp.ISCConfig, Path: "/etc/dhcp/more.conf"},
					{Format: dhcp.ISCLeases, Path: "/srv/dhcpd.leases"},
				},
				Problems: []dhcp.Problem{{Line: 12, Text: "its range has no first and last address"}},
			},
		},
	}
}

func keaCases() map[string]parseCase {
	printer := mac("52:54:00:12:34:56")
	return map[string]parseCase{
		"Kea leases": {
			dhcp.KeaLeases, `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context
10.0.0.219,52:54:00:12:34:56,01:52,3600,1700000000,1,0,0,printer.example.org.,0,
10.0.0.220,bc:24:11:00:00:01,,4294967295,1700000000,1,0,0,a&#x2cb,0,
10.0.0.221,bc:24:11:00:00:02,,3600,1700000000,1,0,0,,1,
10.0.0.222,bc:24:11:00:00:03,,3600,1700000000,1,0,0,,0,

10.0.0.222,bc:24:11:00:00:03,,0,1700000000,1,0,0,,0,
10.0.0.223,bc:24:11:00
`,
			dhcp.Contents{
				Leases: []dhcp.Lease{
					{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer.example.org", Until: at(evening)},
					{Addr: addr("10.0.0.220"), MAC: mac("bc:24:11:00:00:01"), Name: "a,b"},
					{Addr: addr("10.0.0.221"), MAC: mac("bc:24:11:00:00:02"), State: dhcp.Abandoned, Until: at(evening)},
					{Addr: addr("10.0.0.222"), MAC: mac("bc:24:11:00:00:03"), State: dhcp.Ended, Until: at(evening)},
				},
				Problems: []dhcp.Problem{{Line: 8, Text: "it has 2 of 11 columns"}},
			},
		},
		"Kea leases, other columns in another order": {
			dhcp.KeaLeases, "address,expire,hostname,hwaddr\n10.0.0.219,1700000000,printer,52:54:00:12:34:56\n10.0.0.2",
			dhcp.Contents{
				Leases:   []dhcp.Lease{{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer", Until: at(evening)}},
				Problems: []dhcp.Problem{{Line: 3, Text: halfRow}},
			},
		},
		"Kea leases without a header": {
			dhcp.KeaLeases, "10.0.0.219,x\n",
			dhcp.Contents{Problems: []dhcp.Problem{{Line: 1, Text: "the header is missing"}}},
		},
		"Kea config": {
			dhcp.KeaConfig, `{ // the office
"Dhcp4": { /* all
 of it */
  "shared-networks": [ { "subnet4": [ { # "pools": []
    "subnet": "10.0.0.0/24", "comment": "not // a comment",
    "pools": [ { "pool": "10.0.0.100 - 10.0.0.199" }, { "pool": "10.0.0.240/29" }, {"pool": "?"}, ],
    "reservations": [ { "hw-address": "52:54:00:12:34:56", "ip-address": "10.0.0.219", "hostname": "printer" } ]
  } ] } ],
  "hooks-libraries": <?include "/etc/kea/hooks.json"?>
}}`,
			dhcp.Contents{
				Ranges:       []pve.Range{span("10.0.0.100", "10.0.0.199"), span("10.0.0.240", "10.0.0.247")},
				Reservations: []dhcp.Reservation{{Addr: addr("10.0.0.219"), MAC: printer, Name: "printer"}},
				References:   []dhcp.Reference{{Format: dhcp.KeaConfig, Path: "/etc/kea/hooks.json"}},
				Problems:     []dhcp.Problem{{Text: "a pool of it is neither FIRST - LAST nor PREFIX/LENGTH"}},
			},
		},
		"Kea config, its lease file": {
			dhcp.KeaConfig, `{"Dhcp4": {"lease-database": {"type": "memfile", "name": "/srv/kea.csv"}}}`,
			dhcp.Contents{References: []dhcp.Reference{{Format: dhcp.KeaLeases, Path: "/srv/kea.csv"}}},
		},
		"Kea config, half": {
			dhcp.KeaConfig, "{\n\"Dhcp4\": {\n",
			dhcp.Contents{Problems: []dhcp.Problem{{Line: 3, Text: "it is no JSON as Kea reads it: unexpected end of JSON input"}}},
		},
	}
}

func otherCases() map[string]parseCase {
	return map[string]parseCase{
		"networkd": {
			dhcp.NetworkdLeases, `{"BootID":"d7","Address":[10,0,0,1],"PrefixLength":24,"Leases":[
{"ClientId":[1,82],"Address":[10,0,0,219],"Hostname":"printer","HardwareAddressType":1,"HardwareAddressLength":6,
"HardwareAddress":[82,84,0,18,52,86],"ExpirationUSec":72338380895,"ExpirationRealtimeUSec":1700000000000000},
{"Address":[10,0,0],"HardwareAddress":[999]}],
"StaticLeases":[{"Address":[10,0,0,9]}]}`,
			dhcp.Contents{
				Leases:       []dhcp.Lease{{Addr: addr("10.0.0.219"), MAC: mac("52:54:00:12:34:56"), Name: "printer", Until: at(evening)}},
				Reservations: []dhcp.Reservation{{Addr: addr("10.0.0.9")}},
				Problems:     []dhcp.Problem{{Text: "a lease of it has no address"}},
			},
		},
		"something else": {
			dhcp.Unknown, "hello",
			dhcp.Contents{Problems: []dhcp.Problem{{Text: "it is no file of dnsmasq, ISC dhcpd, Kea or systemd-networkd"}}},
		},
	}
}

func TestActive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lease dhcp.Lease
		want  bool
	}{
		"for ever":  {dhcp.Lease{}, true},
		"until now": {dhcp.Lease{Until: at(evening)}, false},
		"one more":  {dhcp.Lease{Until: at(evening + 1)}, true},
		"given up":  {dhcp.Lease{State: dhcp.Ended, Until: at(evening + 1)}, false},
		"abandoned": {dhcp.Lease{State: dhcp.Abandoned}, false},
	} {
		if got := c.lease.Active(at(evening)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A file that is all wrong is not told line by line.
func TestProblemsAreFew(t *testing.T) {
	t.Parallel()
	got := dhcp.Parse(dhcp.DnsmasqLeases, []byte(strings.Repeat("what\n", 10000)))
	if len(got.Problems) != 10 {
		t.Errorf("%d problems, want 10", len(got.Problems))
	}
}

// A hostile file may nest without end.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	const deep, span = 1 << 18, "range 10.0.0.1 10.0.0.2;"
	open, shut := strings.Repeat("a {", deep), strings.Repeat("}", deep)
	if got := dhcp.Parse(dhcp.ISCConfig, []byte(open+span)); len(got.Ranges) != 0 || len(got.Problems) != 1 {
		t.Errorf("%d ranges and problems %v, want none and one", len(got.Ranges), got.Problems)
	}
	if got := dhcp.Parse(dhcp.ISCConfig, []byte(open+shut+span)); len(got.Ranges) != 1 || len(got.Problems) != 0 {
		t.Errorf("%d ranges and problems %v, want one and none", len(got.Ranges), got.Problems)
	}
}
