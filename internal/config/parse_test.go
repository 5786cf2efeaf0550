package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// exact lets cmp look into addresses, and tells empty from absent nowhere.
var exact = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func span(first, last string) pve.Range { return pve.Range{First: addr(first), Last: addr(last)} }

// lan is what the smallest useful pool comes to.
func lan() lease.Pool {
	return lease.Pool{
		Name: "lan", Bridge: "vmbr0", Subnet: netip.MustParsePrefix("10.0.0.0/24"),
		Ranges:   []pve.Range{span("10.0.0.200", "10.0.0.239")},
		Strategy: lease.First, Hold: 24 * time.Hour, Probe: "default",
	}
}

const full = `# all there is

pool: lan
	comment the   office
	bridge vmbr0
	vlan 20
	nodes pve2, pve1 pve2
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.220 - 10.0.0.239, 10.0.0.200-10.0.0.210 10.0.0.211
	range 10.0.0.128/29
  # blanks will do, too
  exclude 10.0.0.219 10.0.0.230/31
	exclude	10.0.0.205
	strategy vmid
	dhcp keep
	on-conflict fail
	unproven start
	hold 1w2d
	probe rfc5227

pool: closed
	bridge vmbr1
	subnet 192.168.0.0/16
	gateway none
	range 192.168.0.0/16
	hold forever

reservation: 10.0.0.201
	guest 101
	comment build server
reservation: 10.0.0.202

reservation: 192.168.0.9
	guest vm/200/net3
`

func fullConfig() *config.Config {
	closed := lease.Pool{
		Name: "closed", Bridge: "vmbr1", Subnet: netip.MustParsePrefix("192.168.0.0/16"),
		Gateway: lease.Gateway{None: true}, Ranges: []pve.Range{span("192.168.0.0", "192.168.255.255")},
		Strategy: lease.First, Hold: lease.Forever, Probe: "default",
	}
	office := lease.Pool{
		Name: "lan", Comment: "the   office", Bridge: "vmbr0", VLAN: 20, Nodes: []string{"pve1", "pve2"},
		Subnet: netip.MustParsePrefix("10.0.0.0/24"), Gateway: lease.Gateway{Addr: addr("10.0.0.1")},
		Ranges: []pve.Range{
			span("10.0.0.128", "10.0.0.135"), span("10.0.0.200", "10.0.0.211"), span("10.0.0.220", "10.0.0.239"),
		},
		Excludes: []pve.Range{
			span("10.0.0.205", "10.0.0.205"), span("10.0.0.219", "10.0.0.219"), span("10.0.0.230", "10.0.0.231"),
		},
		Strategy: lease.ByVMID, KeepDHCP: true, Fail: true, Unproven: true, Hold: 9 * 24 * time.Hour, Probe: "rfc5227",
	}
	return &config.Config{
		Pools: []lease.Pool{office, closed},
		Reservations: []lease.Reservation{
			{Addr: addr("10.0.0.201"), Owner: pve.Owner{VMID: 101}, Comment: "build server"},
			{Addr: addr("10.0.0.202")},
			{Addr: addr("192.168.0.9"), Owner: pve.Owner{Kind: pve.VM, VMID: 200, NIC: 3}},
		},
	}
}

func TestParseReadsEveryProperty(t *testing.T) {
	t.Parallel()
	got, problems := config.Parse("pools.cfg", []byte(full))
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	if diff := cmp.Diff(fullConfig(), got, exact); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestJSONSaysTheSame(t *testing.T) {
	t.Parallel()
	got, problems := config.Parse("pools.json", []byte(`{"ip_pools": [
		{"pool": "lan", "comment": "the   office", "bridge": "vmbr0", "vlan": 20, "nodes": ["pve2", "pve1"],
		 "subnet": "10.0.0.0/24", "gateway": "10.0.0.1",
		 "range": ["10.0.0.220-10.0.0.239", "10.0.0.200 - 10.0.0.210, 10.0.0.211", "10.0.0.128/29"],
		 "exclude": ["10.0.0.219", "10.0.0.230/31", "10.0.0.205"], "strategy": "vmid", "dhcp": "keep",
		 "on-conflict": "fail", "unproven": "start", "hold": "9d", "probe": "rfc5227"},
		{"name": "closed", "bridge": "vmbr1", "subnet": "192.168.0.0/16", "gateway": "none",
		 "range": "192.168.0.0/16", "exclude": [], "vlan": null, "hold": "forever"},
		{"reservation": "10.0.0.201", "guest": 101, "comment": "build server"},
		{"reservation": "10.0.0.202", "guest": null},
		{"reservation": "192.168.0.9", "guest": "vm/200/net3"}]}`))
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	if diff := cmp.Diff(fullConfig(), got, exact); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestSyntaxIsForgiving(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"CRLF":                 "pool: lan\r\n\tbridge vmbr0\r\n\tsubnet 10.0.0.0/24\r\n\trange 10.0.0.200-10.0.0.239\r\n",
		"no last newline":      "pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\trange 10.0.0.200-10.0.0.239",
		"byte order mark":      "\ufeffpool: lan\n bridge vmbr0\n subnet 10.0.0.0/24\n range 10.0.0.200-10.0.0.239\n",
		"no blank after colon": "pool:lan\n bridge vmbr0\n subnet 10.0.0.0/24\n range 10.0.0.200-10.0.0.239\n",
		"blank line inside":    "pool: lan\n bridge vmbr0\n\n\t\n subnet 10.0.0.0/24\n#\n range 10.0.0.200-10.0.0.239\n",
		"trailing blanks":      "pool: lan \t\n bridge  vmbr0 \n subnet\t10.0.0.0/24\t\n range 10.0.0.200-10.0.0.239 \n",
		"ranges that touch":    "pool: lan\n bridge vmbr0\n subnet 10.0.0.0/24\n range 10.0.0.208-10.0.0.239, 10.0.0.200/29\n",
		"ranges that overlap":  "pool: lan\n bridge vmbr0\n subnet 10.0.0.0/24\n range 10.0.0.200-10.0.0.239,10.0.0.204\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := config.Parse("pools.cfg", []byte(text))
			if len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
			if diff := cmp.Diff(&config.Config{Pools: []lease.Pool{lan()}}, got, exact); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmptyFileIsNoPools(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n\n", "# nothing yet\n"} {
		got, problems := config.Parse("pools.cfg", []byte(text))
		if diff := cmp.Diff(&config.Config{}, got, exact); diff != "" || len(problems) > 0 {
			t.Errorf("%q gives %v and a config (-want +got):\n%s", text, problems, diff)
		}
	}
}

func TestLargeRangesStayRanges(t *testing.T) {
	t.Parallel()
	got, problems := config.Parse("p", []byte("pool: lan\n bridge vmbr0\n subnet 10.0.0.0/8\n range 10.0.0.0/8\n exclude 10.0.0.0/9\n"))
	if len(problems) > 0 || len(got.Pools) != 1 {
		t.Fatalf("%d pools, problems %v", len(got.Pools), problems)
	}
	if diff := cmp.Diff([]pve.Range{span("10.0.0.0", "10.255.255.255")}, got.Pools[0].Ranges, exact); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}
