package dhcp_test

import (
	"testing"

	"pve-iplease/internal/dhcp"
)

// fuzz holds a parser to what the rest relies on: it comes back, its leases
// are one an address, its ranges are ranges, its problems few.
func fuzz(f *testing.F, format dhcp.Format, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := dhcp.Parse(format, data)
		seen := map[string]bool{}
		for _, l := range c.Leases {
			if !l.Addr.IsValid() || l.Addr.Zone() != "" || seen[l.Addr.String()] {
				t.Errorf("lease of %v, twice: %v", l.Addr, seen[l.Addr.String()])
			}
			seen[l.Addr.String()] = true
			if _, err := l.Until.UTC().MarshalJSON(); err != nil {
				t.Error(err)
			}
		}
		for _, r := range c.Reservations {
			if !r.Addr.IsValid() {
				t.Error("a reservation of no address")
			}
		}
		for _, r := range c.Ranges {
			if !r.Contains(r.First) || !r.Contains(r.Last) || r.First.BitLen() != r.Last.BitLen() {
				t.Errorf("%v is no range", r)
			}
		}
		if len(c.Problems) > 10 {
			t.Errorf("%d problems", len(c.Problems))
		}
	})
}

func FuzzDnsmasqLeases(f *testing.F) {
	fuzz(f, dhcp.DnsmasqLeases, "1700000000 52:54:00:12:34:56 10.0.0.219 printer *\n", "duid 00\n0 7 fd00::1 * 00\n")
}

func FuzzDnsmasqConfig(f *testing.F) {
	fuzz(f, dhcp.DnsmasqConfig, "dhcp-range=10.0.0.1,10.0.0.9,12h\ndhcp-host=52:54:00:12:34:56,10.0.0.9,nas # x\nconf-dir=/a,*.b")
}

func FuzzDnsmasqHosts(f *testing.F) {
	fuzz(f, dhcp.DnsmasqHosts, "BC:24:11:00:00:01,10.0.0.5,[fd00::5]\n")
}

func FuzzISCLeases(f *testing.F) {
	fuzz(f, dhcp.ISCLeases, "lease 10.0.0.1 { ends 2 2023/11/14 22:13:20; hardware ethernet 52:54:00:12:34:56; client-hostname \"a\\101\"; }",
		"lease 10.0.0.1 { ends epoch 99999999999999; lease 10.0.0.2 {", "host a { fixed-address 10.0.0.3; }")
}

func FuzzISCConfig(f *testing.F) {
	fuzz(f, dhcp.ISCConfig, "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.1 10.0.0.9; host a { fixed-address 10.0.0.3; } }")
}

func FuzzKeaLeases(f *testing.F) {
	fuzz(f, dhcp.KeaLeases, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n"+
		"10.0.0.219,52:54:00:12:34:56,01,3600,1700000000,1,0,0,printer,0\n")
}

func FuzzKeaConfig(f *testing.F) {
	fuzz(f, dhcp.KeaConfig, `{"Dhcp4": {"subnet4": [{"pools": [{"pool": "10.0.0.0/24"},], // x
"reservations": [{"ip-address": "10.0.0.3"}]}]} /* y */ }`, `{"a": <?include "b"?>}`)
}

func FuzzNetworkdLeases(f *testing.F) {
	fuzz(f, dhcp.NetworkdLeases, `{"Leases":[{"Address":[10,0,0,1],"HardwareAddress":[1,2,3,4,5,6],"ExpirationRealtimeUSec":1700000000000000}]}`)
}

// Whatever stands in a file, it is read as something.
func FuzzSniff(f *testing.F) {
	f.Add([]byte("lease 10.0.0.1 {\n"))
	f.Add([]byte("{ \"Dhcp4\": {} }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c := dhcp.Parse(dhcp.Sniff(data), data); len(c.Problems) > 10 {
			t.Errorf("%d problems", len(c.Problems))
		}
	})
}
