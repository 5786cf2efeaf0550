package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

func TestFileProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"every problem at once": {"pool: a b\n nodes -\n\npool: b\n range 10.0.0.1\n range x\n\npools: c\n x y\n", `p:1: pool "a b": "a b" is no name for a pool; allowed are up to 64 letters, digits, '_', '.' and '-', a letter or digit first
p:1: pool "a b": bridge is missing; name the one that the guests' net0 names, like 'bridge vmbr0'
p:1: pool "a b": subnet is missing; name the network that the guests are in, like 'subnet 10.0.0.0/24'
p:1: pool "a b": range is missing; name the addresses to lease, like 'range 10.0.0.200-10.0.0.239'
p:2: pool "a b": nodes: "-" is no node; a node's name has letters, digits and '-', like pve1
p:4: pool b: bridge is missing; name the one that the guests' net0 names, like 'bridge vmbr0'
p:4: pool b: subnet is missing; name the network that the guests are in, like 'subnet 10.0.0.0/24'
p:6: pool b: range: "x" is no IPv4 address like 10.0.0.1
p:8: pools c: "pools" is none of the section types pool, reservation; did you mean pool?`},
		"no range": {"pool: a\n bridge b\n subnet 10.0.0.7/24\n", `p:1: pool a: range is missing; name the addresses to lease, like 'range 10.0.0.200-10.0.0.239'; 'range 10.0.0.0/24' leases the whole subnet
warning: p:3: pool a: subnet: 10.0.0.7/24 has host bits; 10.0.0.0/24 is meant`},
		"bridge too long":         {"pool: a\n bridge abcdefghijklmnop\n subnet 10.0.0.0/24\n range 10.0.0.9\n", `p:2: pool a: bridge: "abcdefghijklmnop" is no bridge; allowed are up to 15 letters, digits, '_', '.' and '-', like vmbr0`},
		"subnet without length":   {"pool: a\n bridge b\n subnet 10.0.0.0\n range 10.0.0.9\n", `p:3: pool a: subnet: "10.0.0.0" has no prefix length; write it like 10.0.0.0/24`},
		"subnet too wide":         {"pool: a\n bridge b\n subnet 8.0.0.0/7\n range 10.0.0.9\n", `p:3: pool a: subnet: "8.0.0.0/7" has the prefix length "7"; allowed are 8 to 32`},
		"netmask":                 {"pool: a\n bridge b\n subnet 10.0.0.0/255.0.0.0\n range 10.0.0.9\n", `p:3: pool a: subnet: "10.0.0.0/255.0.0.0" has the prefix length "255.0.0.0"; allowed are 8 to 32`},
		"loopback":                {"pool: a\n bridge b\n subnet 127.0.0.0/8\n range 127.0.0.9\n", `p:3: pool a: subnet: "127.0.0.0/8" holds no addresses for guests (IANA special-purpose)`},
		"only network, broadcast": {"pool: a\n bridge b\n subnet 10.0.0.0/30\n gateway 10.0.0.1\n range 10.0.0.3 10.0.0.0/31\n", `warning: p:5: pool a: range: no address is left to lease; widen the range or remove excludes`},
		"property first":          {" bridge b\nbridge b\n", "p:1: property \"bridge b\" stands before the first section\np:2: \"bridge b\" is neither a section like 'pool: NAME' nor a property, which would be indented"},
		"no colon":                {"pool lan\n bridge b\n subnet 10.0.0.0/24\n range 10.0.0.9\n", `p:1: pool lan: a section has a colon; write 'pool: lan'`},
		"no name":                 {"pool:\n bridge b\n subnet 10.0.0.0/24\n range 10.0.0.9\n", `p:1: pool "": the section has no name; write it like 'pool: lan' or 'reservation: 10.0.0.201'`},
		"indented header":         {"\tpool: a\n bridge b\n subnet 10.0.0.0/24\n range 10.0.0.9\n", `p:1: pool a: a section begins in the first column; remove the blanks before pool`},
		"UTF-16":                  {"\xff\xfep\x00", `p:1: the file is UTF-16; save it as UTF-8`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := config.Parse("p", []byte(tt.text))
			if diff := cmp.Diff(tt.want, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
