package hook_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
)

// hostManaged is a container with a NIC that the host configures.
func hostManaged(say string) string {
	return "arch: amd64\nhookscript: local:snippets/pve-iplease\nnet0: name=eth0,bridge=vmbr0,host-managed=1," + say + "type=veth\nostype: unmanaged\n"
}

// generated is what Proxmox 9.1 makes of it for LXC before the hook.
func generated(addresses string) string {
	return "lxc.arch = amd64\nlxc.net.0.type = veth\nlxc.net.0.veth.pair = veth101i0\nlxc.net.0.name = eth0\n" + addresses + "lxc.net.0.flags = up\nlxc.environment = A=b\n"
}

const lxcConfig = "/var/lib/lxc/101/config"

func TestHostManagedNICIsBroughtInStep(t *testing.T) {
	t.Parallel()
	h := newHost(t, dual)
	h.write(h.confPath(101), hostManaged("gw=10.0.0.1,ip=10.0.0.200/24,"))
	h.write(lxcConfig, generated("lxc.net.0.ipv4.address = 10.0.0.200/24\nlxc.net.0.ipv4.gateway = 10.0.0.1\n"))
	h.stranger("10.0.0.200")
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.201/24").omits("unmanaged")
	want := generated("lxc.net.0.ipv4.address = 10.0.0.201/24\nlxc.net.0.ipv4.gateway = 10.0.0.1\n" +
		"lxc.net.0.ipv6.address = 2001:db8::200/64\nlxc.net.0.ipv6.gateway = 2001:db8::1\n")
	if diff := gocmp.Diff(want, h.read(lxcConfig)); diff != "" {
		t.Errorf("Proxmox's file for LXC (-want +got):\n%s", diff)
	}
	if conf := h.read(h.confPath(101)); !strings.Contains(conf, "ip=10.0.0.201/24") || !strings.Contains(conf, "ip6=2001:db8::200/64") {
		t.Error(conf)
	}
}

// The two files change together, or neither does.
func TestHostManagedNICAllOrNothing(t *testing.T) {
	t.Parallel()
	for dir, says := range map[string]string{
		"/var/lib/lxc/101":        "error: the file that Proxmox made for LXC of CT 101 stays as it was",
		"/etc/pve/nodes/pve1/lxc": "error: config of CT 101 stays as it was",
	} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.write(h.confPath(101), hostManaged("ip=manual,"))
			h.write(lxcConfig, generated(""))
			h.readOnly(dir)
			h.start(101).exits(hook.Failed).says(says, "read-only file system")
			if conf, lxc := h.read(h.confPath(101)), h.read(lxcConfig); conf != hostManaged("ip=manual,") || lxc != generated("") {
				t.Errorf("the config is %q now, and LXC's %q", conf, lxc)
			}
		})
	}
}

func TestHostManagedNICWithDHCPIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pools, say, says string }{
		"IPv4": {lan, "ip=dhcp,", "error: CT 101 net0 is host-managed with ip=dhcp, so Proxmox would run its own DHCP client beside the lease; set ip=manual there, or 'dhcp keep' in pool lan"},
		"IPv6": {dual, "ip=manual,ip6=dhcp,", "error: CT 101 net0 is host-managed with ip6=dhcp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.write(h.confPath(101), hostManaged(c.say))
			h.start(101).exits(hook.Failed).says(c.says)
			h.records()
			h.pools(c.pools + "\tdhcp keep\n")
			h.start(101).exits(hook.OK).says("'dhcp keep': left as it is")
		})
	}
}

// What keeps the address from the guest is said.
func TestAddressThatWillNotReachTheGuest(t *testing.T) {
	t.Parallel()
	conf := ct{id: 101, ip: "manual"}.String()
	for name, c := range map[string]struct {
		conf, says string
		ignored    bool
	}{
		"unmanaged":   {strings.Replace(conf, "ostype: debian", "ostype: unmanaged", 1), "warning: CT 101 has the ostype unmanaged: Proxmox writes no network files into it", false},
		"ignore file": {conf, "warning: CT 101 has a file .pve-ignore.interfaces: Proxmox writes no network files into it", true},
		"link down":   {strings.Replace(conf, "bridge=vmbr0,hw", "bridge=vmbr0,link_down=1,hw", 1), "CT 101 net0 has link_down: the address waits for the link", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.write(h.confPath(101), c.conf)
			if c.ignored {
				h.write("/var/lib/lxc/101/rootfs/etc/network/.pve-ignore.interfaces", "")
			}
			h.start(101).exits(hook.OK).says(c.says).says("CT 101 net0 has 10.0.0.200/24")
		})
	}
}
