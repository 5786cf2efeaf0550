package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// One section with both families makes two pools of one name.
func TestBothFamilies(t *testing.T) {
	t.Parallel()
	const text = `pool: lan
	bridge vmbr0
	vlan 20
	nics net0,net2 net3
	announce no
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200
	strategy vmid
	subnet6 2001:db8::5/64
	gateway6 fe80::1
	range6 2001:db8::1000 - 2001:db8::1fff 2001:db8::2:0/112
	exclude6 2001:db8::1080/121
	strategy6 eui64
`
	c, problems := config.Parse("p", []byte(text))
	if got := told(problems); got != "warning: p:10: pool lan: subnet6: 2001:db8::5/64 has host bits; 2001:db8::/64 is meant" {
		t.Errorf("problems:\n%s", got)
	}
	four := lease.Pool{
		Name: "lan", Bridge: "vmbr0", VLAN: 20, NICs: pve.NICs(0).With(0).With(2).With(3), Quiet: true, Hold: 24 * time.Hour, Probe: "default",
		Subnet: prefix("10.0.0.0/24"), Gateway: lease.Gateway{Addr: addr("10.0.0.1")},
		Ranges: []pve.Range{{First: addr("10.0.0.200"), Last: addr("10.0.0.200")}}, Strategy: lease.ByVMID,
	}
	six := four
	six.Subnet, six.Gateway, six.Strategy = prefix("2001:db8::/64"), lease.Gateway{Addr: addr("fe80::1")}, lease.EUI64
	six.Ranges = []pve.Range{{First: addr("2001:db8::1000"), Last: addr("2001:db8::1fff")}, {First: addr("2001:db8::2:0"), Last: addr("2001:db8::2:ffff")}}
	six.Excludes = []pve.Range{{First: addr("2001:db8::1080"), Last: addr("2001:db8::10ff")}}
	if diff := cmp.Diff(lease.Pools{four, six}, c.Pools, exact); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}

func TestStrategyOfBothFamilies(t *testing.T) {
	t.Parallel()
	const six = "pool: a\n bridge vmbr0\n subnet6 2001:db8::/64\n range6 2001:db8::/64\n"
	const four = " subnet 10.0.0.0/24\n range 10.0.0.9\n"
	for text, want := range map[string][]lease.Strategy{
		six:                              {lease.First},
		six + " strategy eui64\n":        {lease.EUI64},
		six + " strategy6 spread\n":      {lease.Spread},
		six + four + " strategy eui64\n": {lease.First, lease.EUI64},
		six + four + " strategy vmid\n":  {lease.ByVMID, lease.ByVMID},
		six + four + " nics all\n strategy vmid\n strategy6 first\n": {lease.ByVMID, lease.First},
	} {
		c, problems := config.Parse("p", []byte(text))
		if len(problems) > 0 {
			t.Errorf("%s: %v", text, problems)
		}
		var got []lease.Strategy
		for _, p := range c.Pools {
			got = append(got, p.Strategy)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// Pools of one network may not lease one address, in either family.
func TestOverlapInIPv6(t *testing.T) {
	t.Parallel()
	const a = "pool: a\n bridge vmbr0\n subnet6 2001:db8::/64\n range6 2001:db8::/65\n"
	const b = "pool: b\n bridge vmbr0\n nics net1\n subnet6 2001:db8::/64\n range6 2001:db8::7 2001:db8:0:0:8000::/65\n"
	c, problems := config.Parse("p", []byte(a+b))
	const want = "p:9: pool b: range6: 2001:db8::7 overlaps 2001:db8::-2001:db8::7fff:ffff:ffff:ffff of pool a (line 1) on vmbr0; one address belongs to one pool"
	if got := told(problems); got != want || len(c.Pools) != 1 {
		t.Errorf("%d pools, problems:\n%s", len(c.Pools), got)
	}
}

// What is disabled was meant for the interfaces that it names, else for net0.
func TestDisabledTellsItsNICs(t *testing.T) {
	t.Parallel()
	const body = " bridge vmbr0\n subnet6 x\n"
	for nics, want := range map[string][3]bool{"": {true, false, false}, " nics net1\n": {false, true, false}, " nics all\n": {true, true, true}, " nics x\n": {true, true, true}} {
		c, _ := config.Parse("p", []byte("pool: a\n"+body+nics))
		if len(c.Disabled) != 1 || !c.Disabled[0].Six {
			t.Fatalf("%+v", c.Disabled)
		}
		for n, may := range want {
			if c.Disabled[0].MayServe("pve1", "vmbr0", 0, n) != may {
				t.Errorf("%q: net%d: %t", nics, n, !may)
			}
		}
	}
	if (config.Disabled{Kind: "pool"}).MayServe("pve1", "vmbr0", 0, 1) {
		t.Error("an unreadable file takes net1 for managed")
	}
}
