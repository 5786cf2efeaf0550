package guest

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/pve"
)

var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, pve.MAC{})

func TestNIC(t *testing.T) {
	t.Parallel()
	mac := pve.MAC{0xbc, 0x24, 0x11, 0, 1, 0}
	tests := []struct {
		name, line string
		want       NIC
	}{
		{"least", "name=eth0", NIC{Name: "eth0"}},
		{
			"everything", "type=veth,trunks=1;2;3,tag=7,rate=12.5,name=eth0,mtu=1400,link_down=1,ip6=fd00::5/64,ip=10.0.0.5/24," +
				"hwaddr=bc:24:11:00:01:00,host-managed=1,gw6=fd00::1,gw=10.0.0.1,firewall=1,bridge=vmbr0",
			NIC{
				Name: "eth0", Bridge: "vmbr0", Tag: 7, Trunks: "1;2;3", MAC: mac, MTU: 1400,
				IP: Static, Addr: netip.MustParsePrefix("10.0.0.5/24"), Gateway: netip.MustParseAddr("10.0.0.1"),
				IP6: Static, Addr6: netip.MustParsePrefix("fd00::5/64"), Gateway6: netip.MustParseAddr("fd00::1"),
				Firewall: true, LinkDown: true, HostManaged: true,
			},
		},
		{"modes", "name=e,ip=dhcp,ip6=auto", NIC{Name: "e", IP: DHCP, IP6: Auto}},
		{"manual", "name=e,ip=manual,ip6=manual", NIC{Name: "e", IP: Manual, IP6: Manual}},
		{"blank parts", " ,name=e,, \t,tag=5,", NIC{Name: "e", Tag: 5}},
		{"signs and leading zeros", "name=e,tag=+0005,mtu=01500,rate=+.5e1", NIC{Name: "e", Tag: 5, MTU: 1500}},
		{"leading zeros in a prefix length", "name=e,ip=10.0.0.5/024", NIC{Name: "e", IP: Static, Addr: netip.MustParsePrefix("10.0.0.5/24")}},
		{"words for booleans", "name=e,firewall=On,link_down=FALSE", NIC{Name: "e", Firewall: true}},
		{"gateway outside", "name=e,ip=10.0.0.5/32,gw=1.1.1.1", NIC{Name: "e", IP: Static, Addr: netip.MustParsePrefix("10.0.0.5/32"), Gateway: netip.MustParseAddr("1.1.1.1")}},
		{"gateway alone", "name=e,gw=1.1.1.1,gw6=fe80::1", NIC{Name: "e", Gateway: netip.MustParseAddr("1.1.1.1"), Gateway6: netip.MustParseAddr("fe80::1")}},
		{"embedded IPv4", "name=e,gw6=::ffff:10.0.0.1", NIC{Name: "e", Gateway6: netip.MustParseAddr("::ffff:10.0.0.1")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(pve.Container, []byte("net3: "+tt.line+"\n")).NIC(3)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Index = 3
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNICRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ line, want string }{
		{"bridge=vmbr0", `property "name" is missing`},
		{",", `property "name" is missing`},
		{"0", `"0" is a value without a property`},
		{"name=e,name=f", `property "name" is given twice`},
		{"name=e,colour=red", `property "colour" is unknown to Proxmox`},
		{"name=e,Ip=10.0.0.5/24", `property "Ip" is unknown`},
		{"name=e, ip=10.0.0.5/24", `property " ip" is unknown`},
		{"name=e,ip =10.0.0.5/24", `property "ip " is unknown`},
		{"name=e,ip= 10.0.0.5/24", `ip " 10.0.0.5/24" is not dhcp, manual or an IPv4 address`},
		{"name=e,ip=", "neither key nor value"},
		{"name=e,=5", "neither key nor value"},
		{"name=e,dhcp", `"dhcp" is a value without a property`},
		{"name=e,ip=10.0.0.500/24", `ip "10.0.0.500/24" is not`},
		{"name=e,ip=10.0.0.05/24", `ip "10.0.0.05/24" is not`},
		{"name=e,ip=10.0.0.5", `ip "10.0.0.5" is not`},
		{"name=e,ip=10.0.0.5/7", `ip "10.0.0.5/7" is not`},
		{"name=e,ip=10.0.0.5/33", `ip "10.0.0.5/33" is not`},
		{"name=e,ip=10.0.0.5/+24", `ip "10.0.0.5/+24" is not`},
		{"name=e,ip=auto", `ip "auto" is not`},
		{"name=e,ip=DHCP", `ip "DHCP" is not`},
		{"name=e,ip=fd00::5/64", `ip "fd00::5/64" is not`},
		{"name=e,gw=10.0.0.1/24", `gw "10.0.0.1/24" is not an IPv4 address`},
		{"name=e,ip6=10.0.0.5/24", `ip6 "10.0.0.5/24" is not`},
		{"name=e,ip6=fe80::1%eth0/64", `ip6 "fe80::1%eth0/64" is not`},
		{"name=e,gw6=fe80::1%eth0", `gw6 "fe80::1%eth0" is not an IPv6 address`},
		{"name=e,hwaddr=01:24:11:00:01:00", "hwaddr \"01:24:11:00:01:00\" is not a unicast MAC"},
		{"name=e,hwaddr=BC-24-11-00-01-00", "is not a unicast MAC"},
		{"name=e,hwaddr=BC2411000100", "is not a unicast MAC"},
		{"name=e,bridge=vm br0", `bridge "vm br0" is not a name`},
		{"name=é", `name "é" is not a name`},
		{"name=e\x00", `name "e\x00" is not a name`},
		{"name=e,tag=0", `tag "0" is not a whole number in Proxmox's bounds`},
		{"name=e,tag=4095", `tag "4095" is not`},
		{"name=e,tag=5;6", `tag "5;6" is not`},
		{"name=e,mtu=63", `mtu "63" is not`},
		{"name=e,mtu=1e3", `mtu "1e3" is not`},
		{"name=e,mtu=99999999999999999999", "is not a whole number"},
		{"name=e,trunks=1;", `trunks "1;" is not a list`},
		{"name=e,trunks=5-9", `trunks "5-9" is not a list`},
		{"name=e,rate=0x5", `rate "0x5" is not a number`},
		{"name=e,rate=inf", `rate "inf" is not a number`},
		{"name=e,firewall=2", `firewall "2" is not 1 or 0`},
		{"name=e,type=phys", `type "phys" is not a value that Proxmox knows`},
		{"virtio=BC:24:11:00:01:00,bridge=vmbr0", `property "virtio" is unknown`},
		{"name=e,\r,bridge=vmbr0", "carriage return inside the line"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			c := Parse(pve.Container, []byte("net0: name=ok\nnet0: "+tt.line+"\n"))
			_, err := c.NIC(0)
			wantError(t, err, "net0: ", tt.want, "; correct that line in the guest's config")
			if _, serr := c.Set(0, Addr{Prefix: netip.MustParsePrefix("10.0.0.5/24")}); serr == nil || serr.Error() != err.Error() {
				t.Errorf("Set says %v, NIC says %v", serr, err)
			}
		})
	}
}

func TestIPMode(t *testing.T) {
	t.Parallel()
	for mode, want := range []string{"absent", "manual", "dhcp", "static", "auto"} {
		if got := IPMode(mode).String(); got != want {
			t.Errorf("mode %d reads %q, want %q", mode, got, want)
		}
	}
}

func TestNICAbsent(t *testing.T) {
	t.Parallel()
	c := Parse(pve.Container, []byte("net0: name=e\nnet32: name=f\n[pve:pending]\nnet1: name=g\n"))
	for _, n := range []int{-1, 1, 2, 32, 300} {
		if _, err := c.NIC(n); !errors.Is(err, ErrNoNIC) {
			t.Errorf("net%d: %v", n, err)
		}
	}
}

// wantError checks that an error has all the parts, in this order.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", parts)
	}
	rest := err.Error()
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("error %q lacks %q", err, part)
		}
		rest = after
	}
}
