package inventory

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

func TestParseIPAM(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []IPAMEntry
		fail string
	}{
		"empty": {"\n", nil, ""},
		"number and text": {
			`{"zones":{"z":{"subnets":{"10.0.0.0/24":{"ips":{"10.0.0.5":{"vmid":101,"mac":"BC:24:11:00:01:01","hostname":"web"},
"10.0.0.6":{"vmid":"102"},"10.0.0.1":{"gateway":1},"nonsense":{}}}}},"a":{"subnets":{"fd00::/64":{"ips":{"fd00::5":null,"fd00::6":[1]}}}}}}`,
			[]IPAMEntry{
				{Addr: netip.MustParseAddr("10.0.0.1"), Zone: "z", Gateway: true},
				{Addr: netip.MustParseAddr("10.0.0.5"), Zone: "z", VMID: 101, MAC: pve.MAC{0xbc, 0x24, 0x11, 0, 1, 1}, Name: "web"},
				{Addr: netip.MustParseAddr("10.0.0.6"), Zone: "z", VMID: 102},
				{Addr: netip.MustParseAddr("fd00::5"), Zone: "a"},
				{Addr: netip.MustParseAddr("fd00::6"), Zone: "a"},
			},
			"",
		},
		"no zones":  {`{"zones":{}}`, nil, ""},
		"half":      {`{"zones":{"z":`, nil, "it is no JSON as Proxmox's SDN writes it: unexpected end of JSON input"},
		"no object": {`[]`, nil, "it is no JSON as Proxmox's SDN writes it: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseIPAM([]byte(c.text))
			if (err == nil) != (c.fail == "") || err != nil && !strings.HasPrefix(err.Error(), c.fail) {
				t.Errorf("error %v, want %q", err, c.fail)
			}
			if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzParseIPAM(f *testing.F) {
	f.Add([]byte(`{"zones":{"z":{"subnets":{"10.0.0.0/24":{"ips":{"10.0.0.5":{"vmid":101,"gateway":true}}}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseIPAM(data)
		for _, e := range entries {
			if !e.Addr.IsValid() || err != nil {
				t.Errorf("entry %+v with error %v", e, err)
			}
		}
	})
}
