package guest

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

func addr(prefix, gateway string) Addr {
	a := Addr{Prefix: netip.MustParsePrefix(prefix)}
	if gateway != "" {
		a.Gateway = netip.MustParseAddr(gateway)
	}
	return a
}

func TestSet(t *testing.T) {
	t.Parallel()
	var (
		v4     = addr("192.0.2.7/24", "192.0.2.1")
		v4bare = addr("192.0.2.7/24", "")
		v6     = addr("2001:db8::7/64", "fe80::1")
	)
	tests := []struct {
		name, file string
		addrs      []Addr
		want       string
	}{
		{"in place", "net0: ip=10.0.0.5/24,name=e,gw=10.0.0.1,tag=5\n", []Addr{v4}, "net0: ip=192.0.2.7/24,name=e,gw=192.0.2.1,tag=5\n"},
		{"for dhcp", "net0: name=e,ip=dhcp,tag=5\n", []Addr{v4bare}, "net0: name=e,ip=192.0.2.7/24,tag=5\n"},
		{"for manual", "net0: bridge=b,name=e,ip=manual,tag=5\n", []Addr{v4}, "net0: bridge=b,name=e,ip=192.0.2.7/24,gw=192.0.2.1,tag=5\n"},
		{"nothing to do", "net0: name=e,ip=192.0.2.7/024,gw=192.0.2.1,, \n", []Addr{v4}, "net0: name=e,ip=192.0.2.7/024,gw=192.0.2.1,, \n"},
		{"no address given", "net0: name=e\n", nil, "net0: name=e\n"},
		{
			"as Proxmox prints it", "net0: name=e,bridge=b,firewall=1,hwaddr=BC:24:11:00:01:00,type=veth\n",
			[]Addr{v4},
			"net0: name=e,bridge=b,firewall=1,gw=192.0.2.1,hwaddr=BC:24:11:00:01:00,ip=192.0.2.7/24,type=veth\n",
		},
		{
			"as Proxmox prints it, gateway new", "net0: name=e,bridge=b,hwaddr=BC:24:11:00:01:00,ip=dhcp,type=veth\n",
			[]Addr{v4},
			"net0: name=e,bridge=b,gw=192.0.2.1,hwaddr=BC:24:11:00:01:00,ip=192.0.2.7/24,type=veth\n",
		},
		{"name alone", "net0: name=e\n", []Addr{v4}, "net0: name=e,gw=192.0.2.1,ip=192.0.2.7/24\n"},
		{"by hand, at the end", "net0: name=e,type=veth,bridge=b\n", []Addr{v4}, "net0: name=e,type=veth,bridge=b,ip=192.0.2.7/24,gw=192.0.2.1\n"},
		{"by hand, before the gateway", "net0: name=e,type=veth,gw=10.0.0.1,bridge=b\n", []Addr{v4}, "net0: name=e,type=veth,ip=192.0.2.7/24,gw=192.0.2.1,bridge=b\n"},
		{"gateway goes", "net0: name=e,gw=10.0.0.1,ip=10.0.0.5/24\n", []Addr{v4bare}, "net0: name=e,ip=192.0.2.7/24\n"},
		{"first gateway goes", "net0: gw=10.0.0.1,ip=10.0.0.5/24,name=e\n", []Addr{v4bare}, "net0: ip=192.0.2.7/24,name=e\n"},
		{"last gateway goes", "net0: name=e,ip=10.0.0.5/24,gw=10.0.0.1 \r\n", []Addr{v4bare}, "net0: name=e,ip=192.0.2.7/24 \r\n"},
		{"IPv6 stays", "net0: name=e,ip=dhcp,ip6=auto\n", []Addr{v4bare}, "net0: name=e,ip=192.0.2.7/24,ip6=auto\n"},
		{"IPv6", "net0: name=e,ip=dhcp,ip6=auto\n", []Addr{v6}, "net0: name=e,gw6=fe80::1,ip=dhcp,ip6=2001:db8::7/64\n"},
		{"both", "net0: name=e,ip=dhcp,bridge=b\n", []Addr{v6, v4}, "net0: name=e,ip=192.0.2.7/24,gw=192.0.2.1,bridge=b,ip6=2001:db8::7/64,gw6=fe80::1\n"},
		{"IPv6 spelled otherwise", "net0: name=e,ip6=2001:DB8:0::7/64,gw6=FE80::1\n", []Addr{v6}, "net0: name=e,ip6=2001:DB8:0::7/64,gw6=FE80::1\n"},
		{"blanks, tabs, CR", "net0:\t name=e,ip=dhcp \t\r\n", []Addr{v4bare}, "net0:\t name=e,ip=192.0.2.7/24 \t\r\n"},
		{"trailing comma", "net0: name=e,type=veth,bridge=b,\n", []Addr{v4bare}, "net0: name=e,type=veth,bridge=b,ip=192.0.2.7/24,\n"},
		{"no last newline", "memory: 1\nnet0:name=e", []Addr{v4bare}, "memory: 1\nnet0:name=e,ip=192.0.2.7/24"},
		{"NUL elsewhere", "tags: \x00\xe9\nnet0: name=e\n\x00", []Addr{v4bare}, "tags: \x00\xe9\nnet0: name=e,ip=192.0.2.7/24\n\x00"},
		{"last duplicate", "net0: name=a,ip=10.0.0.1/24\nnet0: name=b,ip=10.0.0.2/24\n", []Addr{v4bare}, "net0: name=a,ip=10.0.0.1/24\nnet0: name=b,ip=192.0.2.7/24\n"},
		{"running part only", "net0: name=a\n[pve:pending]\nnet0: name=b\n[ab]\nnet0: name=c\n", []Addr{v4bare}, "net0: name=a,ip=192.0.2.7/24\n[pve:pending]\nnet0: name=b\n[ab]\nnet0: name=c\n"},
		{"after brackets that are no section", "[s]\nnet0: name=a\n", []Addr{v4bare}, "[s]\nnet0: name=a,ip=192.0.2.7/24\n"},
		{"only this interface", "net00: name=x\nnet0: name=a\nnet01: name=y\nnet1: name=b\nlxc.net.0.name: z\n#net0: name=q\n", []Addr{v4bare}, "net00: name=x\nnet0: name=a,ip=192.0.2.7/24\nnet01: name=y\nnet1: name=b\nlxc.net.0.name: z\n#net0: name=q\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := Parse(pve.Container, []byte(tt.file))
			edited, err := c.Set(0, tt.addrs...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(edited.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if string(c.Bytes()) != tt.file {
				t.Error("Set changed its receiver")
			}
			again, err := edited.Set(0, tt.addrs...)
			if err != nil || string(again.Bytes()) != tt.want {
				t.Errorf("a second Set: %q, %v", again.Bytes(), err)
			}
		})
	}
}

func TestSetRefused(t *testing.T) {
	t.Parallel()
	const file = "net0: name=e\nnet0: name=e,ip=dhcp\n"
	tests := []struct {
		name  string
		addrs []Addr
		want  string
	}{
		{"no prefix", []Addr{{}}, "no address is given"},
		{"too wide", []Addr{addr("10.0.0.5/7", "")}, "10.0.0.5/7 is wider than Proxmox allows"},
		{"gateway of the other family", []Addr{addr("10.0.0.5/24", "fe80::1")}, "fe80::1 is no gateway for 10.0.0.5/24"},
		{"gateway with a zone", []Addr{addr("fd00::5/64", "fe80::1%eth0")}, "fe80::1%eth0 is no gateway"},
		{"mapped gateway", []Addr{addr("fd00::5/64", "::ffff:10.0.0.1")}, "is no gateway"},
		{"mapped address", []Addr{{Prefix: netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.1"), 120)}}, "no address is given"},
		{"two of one family", []Addr{addr("10.0.0.5/24", ""), addr("10.0.0.6/24", "")}, "two addresses of one family"},
		{"three", []Addr{addr("10.0.0.5/24", ""), addr("fd00::5/64", ""), addr("fd00::6/64", "")}, "two addresses of one family"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(pve.Container, []byte(file)).Set(0, tt.addrs...)
			wantError(t, err, "net0: ", tt.want, "; give")
		})
	}
}
