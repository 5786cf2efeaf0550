package lease_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// said is who answers for an address, "MAC port" each.
func said(addr string, voices ...string) lease.Heard {
	h := lease.Heard{Addr: ip(addr), Taken: len(voices) > 0, Silent: len(voices) == 0}
	for _, v := range voices {
		m, port, _ := strings.Cut(v, " ")
		h.By, h.Ports = append(h.By, mac(m[0])), append(h.Ports, port)
	}
	return h
}

func TestLiar(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		heard []lease.Heard
		liar  string // MAC and port
	}{
		"nobody":                       {silent("10.0.0.200", "10.0.0.201", "10.0.0.202"), ""},
		"two addresses":                {[]lease.Heard{said("10.0.0.200", "a eno1"), said("10.0.0.201", "a eno1")}, ""},
		"three":                        {[]lease.Heard{said("10.0.0.200", "a eno1"), said("10.0.0.201", "a eno1"), said("10.0.0.202", "a eno1")}, "a"},
		"three, ports unknown":         {takenBy(mac('a'), "10.0.0.200", "10.0.0.201", "10.0.0.202"), "a"},
		"three hosts of the LAN":       {[]lease.Heard{said("10.0.0.200", "a eno1"), said("10.0.0.201", "b eno1"), said("10.0.0.202", "c eno1")}, ""},
		"three MACs of a guest":        {[]lease.Heard{said("10.0.0.200", "a veth105i0"), said("10.0.0.201", "b veth105i0"), said("10.0.0.202", "c veth105i0")}, "a veth105i0"},
		"three MACs behind a firewall": {[]lease.Heard{said("10.0.0.200", "a fwpr105p0"), said("10.0.0.201", "b fwpr105p0"), said("10.0.0.202", "c fwpr105p0")}, "a fwpr105p0"},
		"one address, many MACs":       {[]lease.Heard{said("10.0.0.200", "a veth105i0", "b veth105i0", "c veth105i0"), said("10.0.0.201", "d veth105i0")}, ""},
		"a guest beside a real host":   {[]lease.Heard{said("10.0.0.200", "z eno1", "a veth105i0"), said("10.0.0.201", "b veth105i0"), said("10.0.0.202", "c veth105i0")}, "a veth105i0"},
		"three guests":                 {[]lease.Heard{said("10.0.0.200", "a veth105i0"), said("10.0.0.201", "b veth106i0"), said("10.0.0.202", "c veth107i0")}, ""},
		"three wanted":                 {[]lease.Heard{{Addr: ip("10.0.0.200"), Contended: true, By: []pve.MAC{stranger}}, {Addr: ip("10.0.0.201"), Contended: true, By: []pve.MAC{stranger}}, {Addr: ip("10.0.0.202"), Contended: true, By: []pve.MAC{stranger}}}, ""},
	} {
		got := ""
		if l := lease.ProxyARP(c.heard); l != nil {
			got = strings.TrimSpace(map[pve.MAC]string{mac('a'): "a"}[l.MAC] + " " + l.Port)
			if !strings.Contains(l.Error(), "answers for 10.0.0.200, 10.0.0.201, 10.0.0.202") {
				t.Errorf("%s: %v", name, l)
			}
		}
		if got != c.liar {
			t.Errorf("%s: liar %q, want %q", name, got, c.liar)
		}
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	liar := func(a string) lease.Heard { return said(a, "a veth105i0", "b veth105i0") }
	for name, c := range map[string]struct {
		heard, want []lease.Heard
		proves, ok  bool
	}{
		"silence":                 {silent("10.0.0.200"), silent("10.0.0.200"), true, true},
		"its voice alone":         {[]lease.Heard{liar("10.0.0.200"), said("10.0.0.201")}, silent("10.0.0.200", "10.0.0.201"), true, true},
		"silence proves nothing":  {[]lease.Heard{liar("10.0.0.200")}, []lease.Heard{{Addr: ip("10.0.0.200")}}, false, true},
		"somebody else too":       {[]lease.Heard{said("10.0.0.200", "a veth105i0", "z eno1")}, []lease.Heard{said("10.0.0.200", "z eno1")}, true, true},
		"somebody, who knows who": {[]lease.Heard{liar("10.0.0.200"), said("10.0.0.201", "z")}, nil, true, false},
	} {
		got, ok := lease.Without("veth105i0", c.heard, c.proves)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" || ok != c.ok {
			t.Errorf("%s: %v (-want +got):\n%s", name, ok, diff)
		}
	}
}
