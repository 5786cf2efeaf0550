package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(pools("a|vmbr0|10.0.0.0/24|gateway none|hold 3d", "b|vmbr0|10.0.0.9|nodes x", "c|vmbr0|10.0.0.3-10.0.0.4")))
	f.Add([]byte("pool: a\n bridge b\n nics net1\n subnet6 2001:db8::/64\n range6 2001:db8::-2001:db8::f\n gateway6 fe80::1\n strategy6 eui64\nreservation: 2001:db8::9\n"))
	f.Add([]byte("pool\npool:\n\tpool: a\nx: y\n exclude=1\n=\n:\n\xff\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkConfig(t, "pools.cfg", data) })
}

func FuzzParseJSON(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "phoenix_hypervisor_config.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"ip_pools":[{"pool":"a","name":5,"bridge":null,"range":[[1],{"a":true}],"range":""},7,{"reservation":{}}],"ip_pools":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := checkConfig(t, "pools.json", data)
		for a, why := range c.Named {
			if !a.Is4() || !strings.HasPrefix(why, "network.") && !strings.HasPrefix(why, "network[") && why != "network" {
				t.Errorf("named %s because of %q", a, why)
			}
		}
	})
}

func FuzzParseNode(f *testing.F) {
	f.Add([]byte("pools /a\nledger /b\ndeadline 1m\n#\nledger: x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, problems := config.ParseNode("node.cfg", data)
		for _, p := range []string{n.Pools, n.Ledger} {
			if p != "" && !filepath.IsAbs(p) || p == "" && len(problems) == 0 {
				t.Errorf("path %q, problems %v", p, problems)
			}
		}
		if n.Deadline < 5*time.Second || n.Deadline > 10*time.Minute {
			t.Errorf("deadline %s", n.Deadline)
		}
		checkProblems(t, data, problems)
	})
}

// checkConfig holds everything that a Config promises against one.
func checkConfig(t *testing.T, file string, data []byte) *config.Config {
	c, problems := config.Parse(file, data)
	checkProblems(t, data, problems)
	for i := range c.Pools {
		checkPool(t, &c.Pools[i])
		for j := range i {
			checkApart(t, &c.Pools[i], &c.Pools[j])
		}
	}
	seen := map[netip.Addr]bool{}
	for _, r := range c.Reservations {
		if !r.Addr.IsValid() || r.Addr.Is4In6() || r.Addr.Zone() != "" || seen[r.Addr] {
			t.Errorf("reservation %+v, or it is there twice", r)
		}
		seen[r.Addr] = true
	}
	for _, d := range c.Disabled {
		if d.Why == "" || d.Line < 1 {
			t.Errorf("disabled without a reason or a line: %+v", d)
		}
	}
	if len(c.Disabled) > 0 && len(problems) == 0 {
		t.Error("something is disabled and nothing is said")
	}
	return c
}

func checkPool(t *testing.T, p *lease.Pool) {
	if p.Name == "" || p.Bridge == "" || len(p.Bridge) > 15 || p.VLAN > 4094 || p.Hold < 0 ||
		p.Subnet != p.Subnet.Masked() || p.Subnet.Addr().Is4In6() || len(p.Ranges) == 0 {
		t.Errorf("pool %+v", p)
	}
	for i, r := range p.Ranges {
		if r.Last.Less(r.First) || !p.Subnet.Contains(r.First) || !p.Subnet.Contains(r.Last) {
			t.Errorf("range %s in %s", r, p.Subnet)
		}
		if i > 0 && !p.Ranges[i-1].Last.Next().Less(r.First) {
			t.Errorf("ranges %v are not sorted and apart", p.Ranges)
		}
	}
}

func checkApart(t *testing.T, a, b *lease.Pool) {
	if a.Name == b.Name && a.Family() == b.Family() {
		t.Errorf("two pools %q", a.Name)
	}
	if !a.Segment().Overlaps(b.Segment()) {
		return
	}
	for _, r := range a.Ranges {
		for _, o := range b.Ranges {
			if r.Overlaps(o) {
				t.Errorf("pools %q and %q share %s and %s", a.Name, b.Name, r, o)
			}
		}
	}
}

// checkProblems holds a problem to one printable line about a line there is.
func checkProblems(t *testing.T, data []byte, problems []config.Problem) {
	lines := strings.Count(string(data), "\n") + 1
	for _, p := range problems {
		text := p.Error()
		odd := func(r rune) bool { return !unicode.IsPrint(r) }
		if p.Line < 0 || p.Line > lines || p.Text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, odd) {
			t.Errorf("%d lines, problem %q", lines, text)
		}
	}
}
