package guest_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/guest"
)

// generated is how PVE 9.1 writes a file for LXC: a host-managed net0 with both
// families, one whose link is down, and lines of the administrator's own.
const generated = `lxc.arch = amd64
lxc.rootfs.path = /var/lib/lxc/101/rootfs
lxc.net.0.type = veth
lxc.net.0.veth.pair = veth101i0
lxc.net.0.hwaddr = BC:24:11:00:01:00
lxc.net.0.name = eth0
lxc.net.0.mtu = 1500
lxc.net.0.script.up = /usr/share/lxc/lxcnetaddbr
lxc.net.0.ipv4.address = 10.0.0.9/24
lxc.net.0.ipv4.gateway = 10.0.0.1
lxc.net.0.ipv6.address = 2001:db8::9/64
lxc.net.0.flags = up
lxc.net.1.type = veth
lxc.net.1.veth.pair = veth101i1
lxc.net.1.script.up = /usr/share/lxc/lxcnetaddbr
lxc.net.10.type = veth
lxc.net.10.flags = up
lxc.net.10.ipv4.address = 192.0.2.1/24
lxc.net.0.ipv4.address = 192.0.2.2/24
`

func to(prefix, gateway string) guest.Addr {
	a := guest.Addr{Prefix: netip.MustParsePrefix(prefix)}
	if gateway != "" {
		a.Gateway = netip.MustParseAddr(gateway)
	}
	return a
}

func TestSetGenerated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n    int
		to   []guest.Addr
		want string // in the place of net0's four lines of addresses; "": nothing changes
		span int    // of which interface
	}{
		"both": {0, []guest.Addr{to("10.0.0.200/24", "10.0.0.1"), to("2001:db8::5/64", "fe80::1")}, `lxc.net.0.ipv4.address = 10.0.0.200/24
lxc.net.0.ipv4.gateway = 10.0.0.1
lxc.net.0.ipv6.address = 2001:db8::5/64
lxc.net.0.ipv6.gateway = fe80::1
`, 0},
		"no gateway": {0, []guest.Addr{to("10.0.0.200/24", "")}, `lxc.net.0.ipv6.address = 2001:db8::9/64
lxc.net.0.ipv4.address = 10.0.0.200/24
`, 0},
		"link down": {1, []guest.Addr{to("10.0.0.200/24", "")}, "", 0},
		"none yet":  {10, []guest.Addr{to("10.0.0.200/24", "")}, "lxc.net.10.ipv4.address = 10.0.0.200/24\n", 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := guest.SetGenerated([]byte(generated), c.n, c.to...)
			if err != nil {
				t.Fatal(err)
			}
			want := generated
			switch {
			case c.want != "" && c.span == 0:
				head, rest, _ := strings.Cut(generated, "lxc.net.0.ipv4")
				_, tail, _ := strings.Cut(rest, "lxc.net.0.flags")
				want = head + c.want + "lxc.net.0.flags" + tail
			case c.want != "":
				want = strings.Replace(generated, "lxc.net.10.flags", c.want+"lxc.net.10.flags", 1)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := guest.SetGenerated([]byte(generated), 2, to("10.0.0.200/24", "")); err == nil {
		t.Error("net2 is not there, and that is no error")
	}
}

// FuzzSetGenerated: whatever the file holds, only lines of the interface's
// addresses come and go, and a second edit changes nothing.
func FuzzSetGenerated(f *testing.F) {
	f.Add([]byte(generated), 0)
	f.Add([]byte("lxc.net.0.type = veth\nlxc.net.0.flags = up"), 0)
	f.Fuzz(func(t *testing.T, file []byte, n int) {
		n &= 31
		addrs := []guest.Addr{to("10.0.0.200/24", "10.0.0.1"), to("2001:db8::5/64", "")}
		once, err := guest.SetGenerated(file, n, addrs...)
		if err != nil {
			return
		}
		twice, err := guest.SetGenerated(once, n, addrs...)
		if err != nil || string(twice) != string(once) {
			t.Errorf("%v: %q, then %q", err, once, twice)
		}
		rest := func(b []byte) (out []string) {
			for l := range strings.Lines(string(b)) {
				if !strings.HasPrefix(l, "lxc.net.") || !strings.Contains(l, ".ipv") {
					out = append(out, l)
				}
			}
			return out
		}
		if diff := cmp.Diff(rest(file), rest(once)); diff != "" {
			t.Error(diff)
		}
	})
}
