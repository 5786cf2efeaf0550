package guest

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/pve"
)

// seed gives a target the corpus and some lines that are no files of their own.
func seed(f *testing.F, add func(data []byte)) {
	f.Helper()
	samples, err := filepath.Glob("testdata/corpus/*.conf")
	if err != nil || len(samples) == 0 {
		f.Fatalf("no corpus: %v", err)
	}
	for _, sample := range samples {
		data, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		add(data)
	}
	for _, s := range []string{
		"net0: gw=10.0.0.1, ,name=e,\t\r\n", "net0:name=e\nnet0: \n", "net0: name=e snapstate: delete\n",
		"net0: ,,name=e,ip6=::/8,gw6=::\n[s]\n[snap]\nnet0: x", "net0: virtio=BC:24:11:00:01:00,bridge=b\nipconfig0: ip=dhcp\n[PENDING]\n[x y]\n",
	} {
		add([]byte(s))
	}
}

// FuzzParse checks that bytes come out as they went in, that both readers see
// the same, and that nothing asked of a config panics.
func FuzzParse(f *testing.F) {
	seed(f, func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []pve.Kind{pve.Container, pve.VM} {
			c := Parse(kind, data)
			if string(c.Bytes()) != string(data) {
				t.Fatal("the bytes changed")
			}
			for _, n := range c.NICs() {
				_, _ = c.NIC(n)
			}
			for _, u := range c.Uses(100) {
				if !u.Addr.IsValid() || u.Addr.Zone() != "" || u.Owner.VMID != 100 || u.Owner.Kind != kind {
					t.Errorf("use %+v", u)
				}
			}
			_, _, _, _ = c.MACs(), c.Gateways(), c.Template(), c.Hostname()
		}
		agree(t, string(data))
	})
}

// FuzzSet checks that an edit changes one line, and in it the address only;
// that the strict reader takes the outcome and sees what was set; and that
// the same edit again changes nothing.
func FuzzSet(f *testing.F) {
	seed(f, func(data []byte) {
		f.Add(data, uint32(0xc0000207), uint8(24), uint32(0xc0000201), true, false)
		f.Add(data, uint32(1), uint8(8), uint32(0), false, true)
	})
	f.Fuzz(func(t *testing.T, data []byte, ip uint32, bits uint8, gw uint32, routed, both bool) {
		v4 := Addr{Prefix: netip.PrefixFrom(from32(ip), int(bits)%34)}
		v6 := Addr{Prefix: netip.PrefixFrom(from128(ip), int(bits))}
		if routed {
			v4.Gateway, v6.Gateway = from32(gw), from128(gw)
		}
		addrs := []Addr{v4}
		if both {
			addrs = []Addr{v6, v4}
		}
		c := Parse(pve.Container, data)
		edited, err := c.Set(0, addrs...)
		if err != nil {
			_, unreadable := c.NIC(0)
			if unreadable == nil && valid(addrs) {
				t.Fatalf("refused without need: %v", err)
			}
			return
		}
		nic, err := edited.NIC(0)
		if err != nil || nic.Addr != v4.Prefix || nic.Gateway != v4.Gateway || nic.IP != Static {
			t.Fatalf("%+v, %v", nic, err)
		}
		if both && (nic.Addr6 != v6.Prefix || nic.Gateway6 != v6.Gateway || nic.IP6 != Static) {
			t.Fatalf("%+v", nic)
		}
		after := string(edited.Bytes())
		if after != string(data) {
			onlyLineDiffers(t, string(data), after, "net0:")
		}
		agree(t, after)
		again, err := edited.Set(0, addrs...)
		if err != nil || string(again.Bytes()) != after {
			t.Fatalf("again: %v", err)
		}
	})
}

// FuzzNIC checks the strict reader against the second one's schema, and that
// it never panics.
func FuzzNIC(f *testing.F) {
	for _, s := range []string{
		"name=eth0,bridge=vmbr0,ip=10.0.0.5/24,gw=10.0.0.1", "name=e,ip=dhcp,ip6=auto,tag=+5,rate=.5,firewall=ON",
		"virtio=BC:24:11:00:01:00,bridge=vmbr0,tag=5,queues=2", "e1000", "ip=10.0.0.5/24,gw=10.0.0.1,ip6=fd00::5/64,gw6=fe80::1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		_, _ = readVM(0, line)
		_, _ = NIC{}.withIPConfig(line)
		nic, err := readContainer(0, line)
		if err != nil {
			return
		}
		props, ok := readNet(line)
		if !ok {
			t.Fatalf("%q is accepted: %+v", line, nic)
		}
		if nic.Name != props["name"] || nic.Bridge != props["bridge"] || (nic.IP == Static) != strings.Contains(props["ip"], "/") {
			t.Errorf("%+v is not %v", nic, props)
		}
	})
}

func valid(addrs []Addr) bool {
	for _, a := range addrs {
		if a.check() != nil {
			return false
		}
	}
	return true
}

func from32(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

func from128(n uint32) netip.Addr {
	a := netip.MustParseAddr("2001:db8::").As16()
	copy(a[12:], from32(n).AsSlice())
	return netip.AddrFrom16(a)
}
