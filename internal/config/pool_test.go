package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

// In each text a pool lan stands in lines 1 to 4, and more lines follow.
func TestPoolProblems(t *testing.T) {
	t.Parallel()
	const head = "pool: lan\n bridge vmbr0\n subnet 10.0.0.0/24\n range 10.0.0.200-10.0.0.239\n"
	tests := map[string]struct{ more, want string }{
		"unknown property": {
			" brigde vmbr1\n",
			`warning: p:5: pool lan: property "brigde" is unknown and ignored; did you mean bridge?`,
		},
		"another's word":    {" gw 10.0.0.1\n", `warning: p:5: pool lan: property "gw" is unknown and ignored; did you mean gateway?`},
		"nothing like it":   {" colour blue\n", `warning: p:5: pool lan: property "colour" is unknown and ignored`},
		"nics":              {" nics eth0\n", `p:5: pool lan: nics: "eth0" is no interface; allowed are all, and a list of net0 to net31 like net0,net2`},
		"nics beyond":       {" nics net0 net32\n", `p:5: pool lan: nics: "net32" is no interface; allowed are all, and a list of net0 to net31 like net0,net2`},
		"no nics":           {" nics ,\n", `p:5: pool lan: nics: the list names no interface; allowed are all, and a list like net0,net2`},
		"announce":          {" announce never\n", `p:5: pool lan: announce: "never" is none of yes, no`},
		"eui64 of IPv4":     {" strategy eui64\n", `p:5: pool lan: strategy: eui64 is for IPv6 addresses, and the pool has no subnet6`},
		"strategy6 alone":   {" strategy6 first\n", `p:5: pool lan: strategy6: first is for IPv6 addresses, and the pool has no subnet6`},
		"half a half":       {" gateway6 2001:db8::1\n", "p:1: pool lan: subnet6 is missing; name the network that the guests are in, like 'subnet6 2001:db8::/64'\np:1: pool lan: range6 is missing; name the addresses to lease, like 'range6 2001:db8::1000-2001:db8::1fff'"},
		"no range6":         {" subnet6 2001:db8::/64\n", "p:1: pool lan: range6 is missing; name the addresses to lease, like 'range6 2001:db8::1000-2001:db8::1fff'; 'range6 2001:db8::/64' leases the whole subnet"},
		"eui64 elsewhere":   {" subnet6 2001:db8::/48\n range6 2001:db8::/64\n strategy6 eui64\n", `p:7: pool lan: strategy6: eui64 needs a subnet6 with the prefix length 64`},
		"IPv4 in IPv6":      {" subnet6 10.0.0.0/24\n range6 2001:db8::/64\n", `p:5: pool lan: subnet6: "10.0.0.0" is an IPv4 address; an IPv6 address like 2001:db8::1 belongs here; it belongs to subnet`},
		"IPv6 in a range":   {" range 2001:db8::1-2001:db8::9\n", `p:5: pool lan: range: "2001:db8::1" is an IPv6 address; an IPv4 address like 10.0.0.1 belongs here; it belongs to range6`},
		"IPv4 in a range6":  {" subnet6 2001:db8::/64\n range6 2001:db8::/64,10.0.0.9\n", `p:6: pool lan: range6: "10.0.0.9" is an IPv4 address; an IPv6 address like 2001:db8::1 belongs here; it belongs to range`},
		"link-local":        {" subnet6 fe80::/64\n range6 fe80::/64\n", "p:5: pool lan: subnet6: \"fe80::/64\" holds no addresses for guests (IANA special-purpose)\np:6: pool lan: range6: \"fe80::/64\" holds no addresses for guests (IANA special-purpose)"},
		"range6 outside":    {" subnet6 2001:db8::/64\n range6 2001:db8:1::5\n", `p:6: pool lan: range6: 2001:db8:1::5 is not inside the subnet 2001:db8::/64`},
		"only anycast":      {" subnet6 2001:db8::/64\n range6 2001:db8::\n", `warning: p:6: pool lan: range6: no address is left to lease; widen the range or remove excludes`},
		"gateway6":          {" subnet6 2001:db8::/64\n range6 2001:db8::/64\n gateway6 2001:db8:1::1\n", `warning: p:7: pool lan: gateway6: 2001:db8:1::1 is outside of the subnet 2001:db8::/64; guests may not reach it`},
		"given twice":       {" bridge vmbr1\n", `p:5: pool lan: bridge is given twice, first in line 2; keep one of them`},
		"no value":          {" gateway\n", `p:5: pool lan: gateway has no value`},
		"empty list":        {" exclude ,\n", `p:5: pool lan: exclude has no value`},
		"no nodes":          {" nodes ,\n", `p:5: pool lan: nodes: the list names no node; leave it out for all nodes`},
		"node":              {" nodes pve1,_\n", `p:5: pool lan: nodes: "_" is no node; a node's name has letters, digits and '-', like pve1`},
		"VLAN 0":            {" vlan 0\n", `p:5: pool lan: vlan: "0" is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged`},
		"VLAN 4095":         {" vlan 4095\n", `p:5: pool lan: vlan: "4095" is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged`},
		"VLAN zeros":        {" vlan 020\n", `p:5: pool lan: vlan: "020" is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged`},
		"strategy":          {" strategy frist\n", `p:5: pool lan: strategy: "frist" is none of first, vmid, spread, eui64; did you mean first?`},
		"dhcp":              {" dhcp yes\n", `p:5: pool lan: dhcp: "yes" is none of lease, keep`},
		"hold":              {" hold 24\n", `p:5: pool lan: hold: "24" is no duration; write numbers with a unit s, m, h, d or w, like 30s, 24h, 7d; forever is allowed, too`},
		"hold of ages":      {" hold 99999999999999999999w\n", `p:5: pool lan: hold: "99999999999999999999w" is over a hundred years; forever is allowed, too`},
		"probe":             {" probe slow\n", `p:5: pool lan: probe: "slow" is none of default, fast, careful, rfc5227`},
		"gateway":           {" gateway nope\n", `p:5: pool lan: gateway: "nope" is no IPv4 address like 10.0.0.1; none is allowed, too`},
		"gateway elsewhere": {" gateway 10.0.1.1\n", `warning: p:5: pool lan: gateway: 10.0.1.1 is outside of the subnet 10.0.0.0/24; guests may not reach it`},
		"IPv6":              {" gateway fd00::1\n", `p:5: pool lan: gateway: "fd00::1" is an IPv6 address; an IPv4 address like 10.0.0.1 belongs here; none is allowed, too; it belongs to gateway6`},
		"mapped":            {" range ::ffff:10.0.0.3\n", `p:5: pool lan: range: "::ffff:10.0.0.3" is an IPv6 address; an IPv4 address like 10.0.0.1 belongs here`},
		"leading zero":      {" exclude 10.0.0.010\n", `p:5: pool lan: exclude: "10.0.0.010" has leading zeros; write the numbers without them`},
		"backwards":         {" range 10.0.0.9-10.0.0.1\n", `p:5: pool lan: range: "10.0.0.9-10.0.0.1" runs backwards; the lower address comes first`},
		"short range":       {" range 10.0.0.2-9\n", `p:5: pool lan: range: "10.0.0.2-9": both ends are whole addresses, like 10.0.0.200-10.0.0.239`},
		"address or net":    {" exclude 10.0.0.9/29\n", `p:5: pool lan: exclude: "10.0.0.9/29" is one address and a network at once; write 10.0.0.9 or 10.0.0.8/29`},
		"range outside":     {" range 10.0.0.9,10.0.1.1-10.0.1.2\n", `p:5: pool lan: range: 10.0.1.1-10.0.1.2 is not inside the subnet 10.0.0.0/24`},
		"range half out":    {" range 10.0.0.250-10.0.1.2\n", `p:5: pool lan: range: 10.0.0.250-10.0.1.2 is not inside the subnet 10.0.0.0/24`},
		"exclude outside":   {" exclude 10.0.1.0/24\n", `warning: p:5: pool lan: exclude: 10.0.1.0-10.0.1.255 is not inside the subnet 10.0.0.0/24`},
		"all excluded":      {" exclude 10.0.0.128/25\n", `warning: p:4: pool lan: range: no address is left to lease; widen the range or remove excludes`},
		"comment at the end": {
			" exclude 10.0.0.9 # nas\n",
			`p:5: pool lan: exclude: "#" is no IPv4 address like 10.0.0.1` + "\n" + `p:5: pool lan: exclude: "nas" is no IPv4 address like 10.0.0.1`,
		},
		"colon":                 {" exclude: 10.0.0.9\n", `p:5: pool lan: exclude has no colon or equals sign; write 'exclude VALUE'`},
		"equals sign":           {" exclude=10.0.0.9\n", `p:5: pool lan: exclude has no colon or equals sign; write 'exclude VALUE'`},
		"not indented":          {"exclude 10.0.0.9\n", `p:5: pool lan: "exclude 10.0.0.9" is neither a section like 'pool: NAME' nor a property, which would be indented`},
		"nor with a colon":      {"\nexclude: 10.0.0.9\n", `p:6: pool lan: "exclude: 10.0.0.9" is neither a section like 'pool: NAME' nor a property, which would be indented`},
		"header amid a section": {"note: x\n exclude 10.0.0.9\n", `p:5: pool lan: "note: x" is neither a section like 'pool: NAME' nor a property, which would be indented`},
		"Latin-1 value":         {" bridge vmbr\xe9\n", `p:5: pool lan: this line is not UTF-8: "bridge vmbr\xe9"`},
		"Latin-1 comment":       {" comment caf\xe9\n", `warning: p:5: pool lan: this comment is not UTF-8`},
		"Latin-1 remark":        {"# caf\xe9\n", `warning: p:5: this comment is not UTF-8`},
		"escape sequence":       {" dhcp \x1b[31m\n", `p:5: pool lan: dhcp: "\x1b[31m" is none of lease, keep`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, problems := config.Parse("p", []byte(head+tt.more))
			if diff := cmp.Diff(tt.want, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if warned := strings.HasPrefix(tt.want, "warning"); warned != (len(c.Pools) > 0) || warned == (len(c.Disabled) == 1) {
				t.Errorf("%d pools, disabled %+v", len(c.Pools), c.Disabled)
			}
		})
	}
}

// An IPv6 network is a half of its own.
func TestIPv6InSubnet(t *testing.T) {
	t.Parallel()
	got := told(config.Fresh("p", nil, []byte("pool: lan\n bridge vmbr0\n subnet fd00::/64\n range 10.0.0.5\n")))
	want := `p:3: pool lan: subnet: "fd00::" is an IPv6 address; an IPv4 address like 10.0.0.1 belongs here; it belongs to subnet6`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
