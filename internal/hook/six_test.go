package hook_test

import (
	"net/netip"
	"strings"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// dual is a pool of both families.
const dual = wired + `	subnet6 2001:db8::/64
	gateway6 2001:db8::1
	range6 2001:db8::200-2001:db8::209
`

// sixth puts a host on the LAN that has these addresses of either family.
func (h *host) sixth(addrs ...string) *lab.Host {
	h.t.Helper()
	prefixes := make([]netip.Prefix, len(addrs))
	for i, a := range addrs {
		prefixes[i] = netip.MustParsePrefix(a)
	}
	n, err := h.lan.Host(lab.RandomMAC(), prefixes...)
	h.Must(err)
	h.t.Cleanup(func() { _ = n.Close() })
	return n
}

// net0 with both families, as Proxmox prints it.
func both(id pve.VMID, say string) string {
	return "arch: amd64\nhookscript: local:snippets/pve-iplease\nnet0: name=eth0,bridge=vmbr0," + say + "hwaddr=" + macOf(id).String() + ",type=veth\nostype: debian\n"
}

func TestBothFamiliesAreLeasedTogether(t *testing.T) {
	t.Parallel()
	h := newHost(t, dual)
	h.sixth("10.0.0.1/24", "2001:db8::1/64")
	h.write(h.confPath(101), both(101, ""))
	h.start(101).exits(hook.OK).
		says("CT 101 net0 has 10.0.0.200/24 via 10.0.0.1 from pool lan (lowest free address; nobody answered").
		says("CT 101 net0 has 2001:db8::200/64 via 2001:db8::1 from pool lan (lowest free address; nobody answered")
	h.records("10.0.0.200 ct/101/net0 bound pool", "2001:db8::200 ct/101/net0 bound pool")
	conf := h.read(h.confPath(101))
	for _, part := range []string{"ip=10.0.0.200/24", "gw=10.0.0.1", "ip6=2001:db8::200/64", "gw6=2001:db8::1"} {
		if !strings.Contains(conf, part) {
			t.Errorf("%s is not in %s", part, conf)
		}
	}
	h.start(101).exits(hook.OK).says("10.0.0.200/24", "its lease since").says("2001:db8::200/64", "its lease since")
	if again := h.read(h.confPath(101)); again != conf {
		t.Errorf("the config is %q now", again)
	}
	h.phase(101, "post-stop").exits(hook.OK).says("2001:db8::200 is kept for it")
	h.records("10.0.0.200 ct/101/net0 released pool", "2001:db8::200 ct/101/net0 released pool")
}

func TestStrangerHasTheIPv6Address(t *testing.T) {
	t.Parallel()
	h := newHost(t, dual)
	s := h.sixth("2001:db8::200/64")
	h.write(h.confPath(101), both(101, ""))
	h.start(101).exits(hook.OK).
		says("warning: 2001:db8::200 is in use by "+s.MAC.String(), "port eno1): not leased").
		says("CT 101 net0 has 10.0.0.200/24").
		says("CT 101 net0 has 2001:db8::201/64", "spare of 2001:db8::200, which is in use")
	h.records("10.0.0.200 ct/101/net0 bound pool", "2001:db8::200 conflicted "+s.MAC.String(), "2001:db8::201 ct/101/net0 bound pool")
}

// What ip6= says decides, as ip= does.
func TestIP6OfNet0(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pools, say, says string
		records          []string
		six              string // what the config says then
	}{
		"auto is left alone": {
			dual, "ip6=auto,", "CT 101 net0 configures its IPv6 address itself (ip6=auto): left as it is",
			[]string{"10.0.0.200 ct/101/net0 bound pool"},
			"ip6=auto",
		},
		"dhcp": {dual, "ip6=dhcp,", "net0 has 2001:db8::200/64", []string{"10.0.0.200 ct/101/net0 bound pool", "2001:db8::200 ct/101/net0 bound pool"}, "ip6=2001:db8::200/64"},
		"dhcp keep": {
			dual + "\tdhcp keep\n", "ip6=dhcp,", "CT 101 net0 uses DHCP and its pool says 'dhcp keep': left as it is",
			[]string{"10.0.0.200 ct/101/net0 bound pool"},
			"ip6=dhcp",
		},
		"manual":  {dual, "ip6=manual,", "net0 has 2001:db8::200/64", []string{"10.0.0.200 ct/101/net0 bound pool", "2001:db8::200 ct/101/net0 bound pool"}, "ip6=2001:db8::200/64"},
		"adopted": {dual, "ip6=2001:db8::205/64,", "net0 has 2001:db8::205/64 via 2001:db8::1 from pool lan (net0 names it", []string{"10.0.0.200 ct/101/net0 bound pool", "2001:db8::205 ct/101/net0 bound pool"}, "ip6=2001:db8::205/64"},
		"static":  {dual, "ip6=2001:db8::5/64,", "net0 has 2001:db8::5/64 (static", []string{"10.0.0.200 ct/101/net0 bound pool", "2001:db8::5 ct/101/net0 bound static"}, "ip6=2001:db8::5/64"},
		"EUI-64": {
			strings.Replace(dual, "2001:db8::200-2001:db8::209", "2001:db8::/64\n\tstrategy6 eui64", 1), "", "from its MAC address",
			[]string{"10.0.0.200 ct/101/net0 bound pool", "2001:db8::be24:11ff:fe01:65 ct/101/net0 bound pool"},
			"ip6=2001:db8::be24:11ff:fe01:65/64",
		},
		"IPv6 alone": {
			"pool: six\n\tbridge vmbr0\n\tsubnet6 2001:db8::/64\n\tgateway6 fe80::1\n\trange6 2001:db8::200-2001:db8::209\n\tstrategy6 vmid\n", "ip=dhcp,",
			"CT 101 net0 has 2001:db8::201/64 via fe80::1 from pool six",
			[]string{"2001:db8::201 ct/101/net0 bound pool"},
			"gw6=fe80::1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.write(h.confPath(101), both(101, c.say))
			h.start(101).exits(hook.OK).says(c.says)
			h.records(c.records...)
			if conf := h.read(h.confPath(101)); !strings.Contains(conf, c.six) {
				t.Errorf("%s is not in %s", c.six, conf)
			}
		})
	}
}

// A family that isn't ours in a pool's place is nobody's business.
func TestIPv6WithoutAPoolIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.write(h.confPath(101), both(101, "gw6=fe80::1,ip6=2001:db8::5/64,"))
	h.start(101).exits(hook.OK).says("10.0.0.200/24").omits("2001:db8", "IPv6")
	if conf := h.read(h.confPath(101)); !strings.Contains(conf, "gw6=fe80::1,") || !strings.Contains(conf, "ip6=2001:db8::5/64") {
		t.Error(conf)
	}
}

// An IPv6 address that another guest's config names is taken.
func TestIPv6AddressThatAnotherConfigNames(t *testing.T) {
	t.Parallel()
	h := newHost(t, dual)
	h.write(h.confPath(101), both(101, "ip6=auto,"))
	h.write(h.confPath(102), both(102, ""))
	h.write(h.confPath(103), strings.Replace(both(103, "ip6=2001:db8::200/64,"), "hookscript: local:snippets/pve-iplease\n", "", 1))
	h.vm(200, "ipconfig0: ip6=2001:db8::201/64")
	h.start(102).exits(hook.OK).says("2001:db8::202/64")
}
