package guest

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestUses(t *testing.T) {
	t.Parallel()
	use := func(kind pve.Kind, a string, nic int, bridge string, tag uint16, where lease.Where) lease.Use {
		return lease.Use{
			Addr: netip.MustParseAddr(a), Owner: pve.Owner{Kind: kind, VMID: 100, NIC: nic},
			Segment: pve.Segment{Bridge: bridge, Tag: tag}, Where: where,
		}
	}
	ct := func(a string, nic int, bridge string, tag uint16, where lease.Where) lease.Use {
		return use(pve.Container, a, nic, bridge, tag, where)
	}
	vm := func(a string, nic int, bridge string, tag uint16, where lease.Where) lease.Use {
		return use(pve.VM, a, nic, bridge, tag, where)
	}
	tests := []struct {
		name string
		kind pve.Kind
		file string
		want []lease.Use
	}{
		{name: "empty"},
		{name: "none named", file: "net0: name=e,ip=dhcp,ip6=auto\nnet1: name=f,ip=manual,gw=10.0.0.1\nlxc.net.0.type: veth\n"},
		{
			name: "container", file: "net1: name=f,bridge=vmbr1,tag=7,ip=10.0.1.5/24,ip6=fd00::5/64\nnet0: name=e,bridge=vmbr0,ip=10.0.0.4/24\n",
			want: []lease.Use{
				ct("10.0.0.4", 0, "vmbr0", 0, lease.Running),
				ct("10.0.1.5", 1, "vmbr1", 7, lease.Running), ct("fd00::5", 1, "vmbr1", 7, lease.Running),
			},
		},
		{
			name: "last duplicate", file: "net0: name=e,ip=10.0.0.4/24\nnet0: name=e,bridge=b,ip=10.0.0.5/24\n",
			want: []lease.Use{ct("10.0.0.5", 0, "b", 0, lease.Running)},
		},
		{
			name: "last pending part, last snapshot of a name",
			file: "net0: bridge=b,ip=10.0.0.1/24\n[pve:pending]\nnet0: bridge=b,ip=10.0.0.2/24\n[ab]\nnet0: bridge=b,ip=10.0.0.3/24\n" +
				"[AB]\nnet0: bridge=c,ip=10.0.0.4/24\n[pve:pending]\nnet0: bridge=b,ip=10.0.0.5/24\n[ab]\nnet0: bridge=b,ip=10.0.0.6/24\n",
			want: []lease.Use{
				ct("10.0.0.1", 0, "b", 0, lease.Running), ct("10.0.0.4", 0, "c", 0, lease.Snapshot),
				ct("10.0.0.5", 0, "b", 0, lease.Pending), ct("10.0.0.6", 0, "b", 0, lease.Snapshot),
			},
		},
		{
			name: "broken lines name their address all the same",
			file: "net0: bridge=b, ip = 10.0.0.5 ,future=1,tag=x\nnet40: ip=10.0.0.6/99\nnet256: ip=10.0.0.7/24\nnet2: ip=010.0.0.7/24\n",
			want: []lease.Use{ct("10.0.0.5", 0, "b", 0, lease.Running), ct("10.0.0.6", 40, "", 0, lease.Running)},
		},
		{
			name: "raw keys", file: "lxc.net.3.ipv4.address = 10.0.0.5/24 10.0.0.255\nlxc.net.3.ipv6.address: fd00::5/64\nlxc.net.3.ipv4.gateway: 10.0.0.1\nlxc.net.x.ipv4.address: 10.0.0.9\n",
			want: []lease.Use{ct("10.0.0.5", 3, "", 0, lease.Running), ct("fd00::5", 3, "", 0, lease.Running)},
		},
		{
			name: "VM", kind: pve.VM,
			file: "ipconfig0: ip=10.0.0.9/24,gw=10.0.0.1,ip6=fd00::9/64\nnet0: virtio=BC:24:11:00:01:00,bridge=vmbr0,tag=5\nipconfig1: ip=10.0.0.8/24\nipconfig2: ip=dhcp\n",
			want: []lease.Use{
				vm("10.0.0.9", 0, "vmbr0", 5, lease.Running), vm("fd00::9", 0, "vmbr0", 5, lease.Running),
				vm("10.0.0.8", 1, "", 0, lease.Running),
			},
		},
		{
			name: "VM, half of an interface pending", kind: pve.VM,
			file: "ipconfig0: ip=10.0.0.9/24\nnet0: virtio,bridge=vmbr0\nipconfig1: ip=10.0.1.9/24\nnet1: virtio,bridge=vmbr1\n" +
				"[PENDING]\nipconfig0: ip=10.0.0.10/24\nnet1: virtio,bridge=vmbr2,tag=3\n",
			want: []lease.Use{
				vm("10.0.0.9", 0, "vmbr0", 0, lease.Running), vm("10.0.1.9", 1, "vmbr1", 0, lease.Running),
				vm("10.0.0.10", 0, "vmbr0", 0, lease.Pending), vm("10.0.1.9", 1, "vmbr2", 3, lease.Pending),
			},
		},
		{
			name: "VM, what its image still says", kind: pve.VM,
			file: "ipconfig0: ip=10.0.0.9/24\nnet0: virtio,bridge=vmbr0\n[special:cloudinit]\nipconfig0: ip=10.0.0.7/24\n[special:fleecing]\nipconfig0: ip=10.0.0.6/24\n",
			want: []lease.Use{vm("10.0.0.9", 0, "vmbr0", 0, lease.Running), vm("10.0.0.7", 0, "vmbr0", 0, lease.Running)},
		},
		{
			name: "VM, snapshots stand alone", kind: pve.VM,
			file: "net0: virtio,bridge=vmbr0\n[s1]\nipconfig0: ip=10.0.0.7/24\n",
			want: []lease.Use{vm("10.0.0.7", 0, "", 0, lease.Snapshot)},
		},
		{
			name: "VM, a broken duplicate is dropped", kind: pve.VM,
			file: "net0: virtio,bridge=vmbr0\nipconfig0: ip=10.0.0.7/24\nipconfig0: ip=10.0.0.8\n",
			want: []lease.Use{vm("10.0.0.7", 0, "vmbr0", 0, lease.Running)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Parse(tt.kind, []byte(tt.file)).Uses(100)
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMACsAndGateways(t *testing.T) {
	t.Parallel()
	const file = "net0: name=e,hwaddr=bc:24:11:00:01:00,gw=10.0.0.1,gw6=fe80::1\nnet1: name=f,hwaddr=BC:24:11:00:01:00,gw=10.0.0.1\n" +
		"[pve:pending]\nnet0: name=e,hwaddr=BC:24:11:00:01:02,gw=10.0.0.254\n[ab]\nnet0: name=e,hwaddr=BC:24:11:00:01:03,gw=10.0.0.253\n"
	c := Parse(pve.Container, []byte(file))
	macs := []pve.MAC{{0xbc, 0x24, 0x11, 0, 1, 0}, {0xbc, 0x24, 0x11, 0, 1, 2}}
	if diff := cmp.Diff(macs, c.MACs()); diff != "" {
		t.Errorf("MACs (-want +got):\n%s", diff)
	}
	gateways := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("10.0.0.254")}
	if diff := cmp.Diff(gateways, c.Gateways(), byValue); diff != "" {
		t.Errorf("gateways (-want +got):\n%s", diff)
	}

	vm := Parse(pve.VM, []byte("net0: virtio=BC:24:11:00:01:00,bridge=vmbr0\nnet1: model=e1000,macaddr=BC:24:11:00:01:02\nipconfig0: ip=10.0.0.5/24,gw=10.0.0.1\n"))
	if diff := cmp.Diff(macs, vm.MACs()); diff != "" {
		t.Errorf("a VM's MACs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gateways[:1], vm.Gateways(), byValue); diff != "" {
		t.Errorf("a VM's gateways (-want +got):\n%s", diff)
	}
}
