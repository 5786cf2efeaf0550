package guest_test

import (
	"net/netip"
	"testing"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/pve"
)

func TestCloudInit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"ide2: local-lvm:vm-200-cloudinit,media=cdrom":            true,
		"scsi1: local:200/vm-200-cloudinit.qcow2,media=cdrom":     true,
		"sata0: file=local:cloudinit,media=cdrom":                 true,
		"ide2: local:iso/debian.iso,media=cdrom":                  false,
		"scsi0: local-lvm:vm-200-disk-0,size=8G":                  false,
		"description: vm-200-cloudinit":                           false,
		"name: cloudinit\n[snap]\nide2: local:vm-200-cloudinit\n": false,
	} {
		if got := guest.Parse(pve.VM, []byte(line)).CloudInit(); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestIPConfigIsPrintedAsItIsRead(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"gw=10.0.0.1,ip=10.0.0.9/24", "gw=10.0.0.1,gw6=fe80::1,ip=10.0.0.9/24,ip6=2001:db8::9/64", "ip=dhcp,ip6=auto", "ip6=dhcp",
	} {
		nic, err := guest.Parse(pve.VM, []byte("net0: virtio,bridge=vmbr0\nipconfig0: "+line+"\n")).NIC(0)
		if err != nil || nic.IPConfig() != line {
			t.Errorf("%q: %q, %v", line, nic.IPConfig(), err)
		}
	}
	nic := guest.NIC{IP: guest.DHCP, IP6: guest.Auto}.With(guest.Addr{Prefix: netip.MustParsePrefix("10.0.0.9/24")})
	if got := nic.IPConfig(); got != "ip=10.0.0.9/24,ip6=auto" {
		t.Error(got)
	}
}
