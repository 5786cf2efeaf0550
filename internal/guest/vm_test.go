package guest

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

func TestVM(t *testing.T) {
	t.Parallel()
	mac := pve.MAC{0xbc, 0x24, 0x11, 0, 1, 0}
	net := NIC{Model: "virtio", MAC: mac, Bridge: "vmbr0", Tag: 5}
	with := func(change func(*NIC)) NIC { n := net; change(&n); return n }
	tests := []struct {
		name, file string
		want       NIC
		err        string
	}{
		{name: "no cloud-init", file: "net0: virtio=BC:24:11:00:01:00,bridge=vmbr0,tag=5\n", want: net},
		{name: "long form", file: "net0: model=virtio,macaddr=BC:24:11:00:01:00,bridge=vmbr0,tag=5\n", want: net},
		{name: "model alone", file: "net0: e1000\n", want: NIC{Model: "e1000"}},
		{
			name: "all", file: "net0: virtio=BC:24:11:00:01:00,queues=8,rate=1.5,trunks=2-9;11,firewall=1,link_down=1,mtu=1,host-tunnel=0\n",
			want: NIC{Model: "virtio", MAC: mac, Trunks: "2-9;11", Firewall: true, LinkDown: true, MTU: 1},
		},
		{
			name: "addresses", file: "net0: virtio=BC:24:11:00:01:00,bridge=vmbr0,tag=5\nipconfig0: ip=10.0.0.9/24,gw=10.0.0.1,ip6=auto\n",
			want: with(func(n *NIC) {
				n.IP, n.Addr, n.Gateway, n.IP6 = Static, netip.MustParsePrefix("10.0.0.9/24"), netip.MustParseAddr("10.0.0.1"), Auto
			}),
		},
		{
			name: "said nothing means DHCP", file: "net0: virtio=BC:24:11:00:01:00,bridge=vmbr0,tag=5\nipconfig0: ,\n",
			want: with(func(n *NIC) { n.IP, n.IP6 = DHCP, DHCP }),
		},
		{
			name: "a broken duplicate is dropped",
			file: "net0: virtio=BC:24:11:00:01:00,bridge=vmbr0,tag=5\nnet0: nonsense\nipconfig0: ip=manual\nipconfig0: ip=bogus\n",
			want: with(func(n *NIC) { n.IP = Manual }),
		},
		{name: "unknown section", file: "net0: e1000\n[what is this]\nnet0: virtio\n", want: NIC{Model: "e1000"}},
		{name: "model twice", file: "net0: virtio=BC:24:11:00:01:00,e1000\n", err: `net0: property "model" is given twice`},
		{name: "address twice", file: "net0: macaddr=BC:24:11:00:01:00,virtio=BC:24:11:00:01:00\n", err: `property "macaddr" is given twice`},
		{name: "no model", file: "net0: bridge=vmbr0\n", err: `property "model" is missing`},
		{name: "no such model", file: "net0: wifi\n", err: `model "wifi" is not a value that Proxmox knows`},
		{name: "rate below zero", file: "net0: virtio,rate=-1\n", err: `rate "-1" is not a number`},
		{name: "a container's property", file: "net0: virtio,ip=10.0.0.5/24\n", err: `property "ip" is unknown`},
		{name: "gateway without address", file: "net0: virtio\nipconfig0: gw=10.0.0.1\n", err: "ipconfig0: gw needs an address in ip"},
		{name: "gateway beside DHCP", file: "net0: virtio\nipconfig0: ip=dhcp,gw=10.0.0.1\n", err: "gw needs an address"},
		{name: "gateway beside auto", file: "net0: virtio\nipconfig0: ip6=auto,gw6=fe80::1\n", err: "gw6 needs an address in ip6"},
		{name: "ipconfig broken", file: "net0: virtio\nipconfig0: ip=10.0.0.5\n", err: `ipconfig0: ip "10.0.0.5" is not`},
		{name: "ipconfig without key", file: "net0: virtio\nipconfig0: dhcp\n", err: `ipconfig0: "dhcp" is a value without a property`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := Parse(pve.VM, []byte(tt.file))
			got, err := c.NIC(0)
			if tt.err != "" {
				wantError(t, err, tt.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, err = c.Set(0, Addr{Prefix: netip.MustParsePrefix("10.0.0.5/24")})
			wantError(t, err, "a VM's address lies in ipconfig0")
		})
	}
}
