package node

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	n, err := lab.NewNode("pve1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.2/24"), netip.MustParsePrefix("10.0.0.3/32"), netip.MustParsePrefix("fd00::2/64"),
	}
	if err := n.AddBridge("vmbr0", want...); err != nil {
		t.Fatal(err)
	}
	var got []netip.Prefix
	if err := n.Do(func() (err error) { got, err = new(Host).Addresses(); return err }); err != nil {
		t.Fatal(err)
	}
	for _, p := range append(want, netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")) {
		if !slices.Contains(got, p) {
			t.Errorf("%v lacks %v", got, p)
		}
	}
}

const interfacesText = `# vmbr9: bridge-ports eno9
auto lo
iface lo inet loopback

iface eno1 inet manual

auto vmbr0
iface vmbr0 inet static
	address 10.0.0.2/24
	bridge-ports eno1
	bridge-stp off

iface vmbr0 inet6 static
	bridge_ports eno1 \
		eno2

iface vmbr1 inet manual
	bridge-ports none

iface vmbr2
	bridge_ports regex eth.*
	# bridge-ports eno3

source /etc/network/interfaces.d/*
source-directory interfaces.more
allow-hotplug x
	bridge-ports lost
`

func TestDeclaredUplinks(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	if got := h.DeclaredUplinks("vmbr0"); got != nil {
		t.Errorf("without the file: %q", got)
	}
	write(t, h.Path("/etc/network/interfaces"), interfacesText)
	write(t, h.Path("/etc/network/interfaces.d/sdn"), "iface vnet1\n\tbridge_ports ln_vnet1\n\niface vmbr0\n\tbridge-ports bond0\r\n")
	write(t, h.Path("/etc/network/interfaces.more/a.cfg"), "iface vmbr3\n bridge-ports eno4\nsource ../interfaces\n")
	write(t, h.Path("/etc/network/interfaces.more/.hidden"), "iface vmbr3\n bridge-ports eno5\n")
	tests := map[string][]string{
		"vmbr0": {"bond0", "eno1", "eno2"},
		"vmbr1": nil,
		"vmbr2": {"eth.*", "regex"},
		"vmbr3": {"eno4"},
		"vnet1": {"ln_vnet1"},
		"vmbr9": nil,
		"x":     nil,
	}
	for bridge, want := range tests {
		if diff := cmp.Diff(want, h.DeclaredUplinks(bridge), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", bridge, diff)
		}
	}
}

func TestDeclaredNetwork(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	write(t, h.Path("/etc/network/interfaces"), interfacesText+`
iface vmbr0 inet static
	gateway 10.9.9.9

iface vmbr4 inet static
	address 10.4.0.2
	netmask 255.255.252.0
	gateway 10.4.0.1

iface vmbr5 inet static
	address 10.5.0.2
	netmask 22

iface vmbr6 inet6 static
	address fd00::2/64
	gateway fd00::1
`)
	tests := map[string]Network{
		"vmbr0": {Addr: netip.MustParsePrefix("10.0.0.2/24"), Gateway: netip.MustParseAddr("10.9.9.9")},
		"vmbr4": {Addr: netip.MustParsePrefix("10.4.0.2/22"), Gateway: netip.MustParseAddr("10.4.0.1")},
		"vmbr5": {Addr: netip.MustParsePrefix("10.5.0.2/22")},
		"vmbr6": {},
		"vmbr7": {},
	}
	for device, want := range tests {
		if got := h.DeclaredNetwork(device); got != want {
			t.Errorf("%s: %+v, want %+v", device, got, want)
		}
	}
}

func FuzzParseInterfaces(f *testing.F) {
	f.Add(interfacesText)
	f.Add("iface\nsource\nbridge-ports")
	f.Fuzz(func(t *testing.T, text string) {
		said := parseInterfaces(text)
		for bridge, ports := range said.ports {
			for _, p := range append(ports, bridge) {
				if p == "" || p == "none" && p != bridge || len(strings.Fields(p)) != 1 {
					t.Errorf("port %q of %q", p, bridge)
				}
			}
		}
	})
}

func BenchmarkAddresses(b *testing.B) {
	b.Run("net", func(b *testing.B) {
		for b.Loop() {
			if _, err := new(Host).Addresses(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("netlink", func(b *testing.B) {
		for b.Loop() {
			if _, err := netlink.AddrList(nil, unix.AF_UNSPEC); err != nil {
				b.Fatal(err)
			}
		}
	})
}
