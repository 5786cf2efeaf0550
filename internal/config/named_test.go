package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestPhoenixDocumentCarriesThePool(t *testing.T) {
	t.Parallel()
	name := filepath.Join("testdata", "phoenix_hypervisor_config.json")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, problems := config.Parse(name, data)
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	want := lan()
	want.Gateway.Addr = addr("10.0.0.1")
	want.Comment = "containers of the 900 series"
	if diff := cmp.Diff(&config.Config{
		Pools: []lease.Pool{want},
		Reservations: []lease.Reservation{{
			Addr: addr("10.0.0.201"), Owner: pve.Owner{VMID: 901}, Comment: "template of the CUDA containers",
		}},
		Named: map[netip.Addr]string{
			addr("10.0.0.111"): "network.portainer_server_ip",
			addr("10.0.0.13"):  "network.interfaces.address",
			addr("10.0.0.1"):   "network.interfaces.gateway",
			addr("10.0.0.153"): "network.interfaces.dns_nameservers[0]",
			addr("8.8.8.8"):    "network.interfaces.dns_nameservers[1]",
		},
	}, got, exact); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestNamedFindsAddressesInText(t *testing.T) {
	t.Parallel()
	got, _ := config.Parse("p.json", []byte(`{"ip_pools": [], "other": "10.0.0.2", "network": {
		"url": "https://10.0.0.3:9443/api", "nfs": "10.0.0.4:/export", "both": "10.0.0.5, 10.0.0.6/24",
		"net": "10.0.0.0/24", "host": "10.0.0.7/32", "deep": [{"hosts": {"10.0.0.8": "nas"}}, ["10.0.0.9."]],
		"again": "10.0.0.3", "version": "1.2.3", "long": "1.2.3.4.5", "six": "fd00::1", "number": 10}}`))
	want := map[netip.Addr]string{
		addr("10.0.0.3"): "network.url",
		addr("10.0.0.4"): "network.nfs",
		addr("10.0.0.5"): "network.both",
		addr("10.0.0.6"): "network.both",
		addr("10.0.0.7"): "network.host",
		addr("10.0.0.8"): "network.deep[0].hosts.10.0.0.8",
		addr("10.0.0.9"): "network.deep[1][0]",
	}
	if diff := cmp.Diff(want, got.Named, exact); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
}
