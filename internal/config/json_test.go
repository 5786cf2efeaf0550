package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

func TestJSONProblems(t *testing.T) {
	t.Parallel()
	const pool = `"bridge": "vmbr0", "subnet": "10.0.0.0/24"`
	tests := map[string]struct{ text, want string }{
		"syntax":          {"{\n \"ip_pools\": [\n  {,\n", `p.json:3: the file is no valid JSON: invalid character ',' looking for beginning of object key string`},
		"cut short":       {"{\n \"ip_pools\": [\n", `p.json:2: the file is no valid JSON: unexpected end of JSON input`},
		"empty":           {"", `p.json:1: the file is no valid JSON: unexpected end of JSON input`},
		"trailing":        {"{}\n{}\n", `p.json:2: the file is no valid JSON: invalid character '{' after top-level value`},
		"no list":         {`{"network": {}}`, `p.json: there is no list "ip_pools", neither at the top nor in "network"`},
		"list is none":    {`{"ip_pools": {}}`, `p.json:1: "ip_pools" is an object where a list of pools belongs`},
		"element is none": {`{"ip_pools": ["lan"]}`, `p.json:1: "lan" stands in "ip_pools" where a pool or a reservation belongs`},
		"nameless":        {"{\"ip_pools\": [\n{" + pool + ", \"range\": \"10.0.0.9\"}]}", `p.json:2: pool "": the section has no name; give it one by "pool" or "reservation"`},
		"odd values":      {"{\"ip_pools\": [{\"pool\": \"a\", " + pool + ", \"range\": \"10.0.0.9\",\n\"gateway\": false,\n\"hold\": {}}]}", "p.json:2: pool a: gateway is false where a text, a number or a list of them belongs\np.json:3: pool a: hold is an object where a text, a number or a list of them belongs"},
		"duplicate in pool": {
			"{\"ip_pools\": [{\"pool\": \"a\", " + pool + ", \"range\": \"10.0.0.9\",\n\"range\": \"10.0.0.8\"}]}",
			`p.json:2: pool a: range is given twice, first in line 1; keep one of them`,
		},
		"duplicate name":   {"{\"ip_pools\": [{\"pool\": \"a\", " + pool + ", \"range\": \"10.0.0.9\",\n\"pool\": \"b\"}]}", `p.json:2: pool a: pool is given twice, first in line 1; keep one of them`},
		"duplicate around": {"{\"ip_pools\": [], \"network\": {\"a\": 1,\n\"a\": 2}}", `warning: p.json:2: network.a is given twice, first in line 1; other readers see only the last`},
		"list of one":      {"{\"ip_pools\": [{\"pool\": \"a\", " + pool + ", \"range\": [\"10.0.0.9\"], \"vlan\": [1,\n2]}]}", `p.json:2: pool a: vlan is given twice, first in line 1; keep one of them`},
		"number":           {"{\"ip_pools\": [{\"pool\": \"a\", " + pool + ", \"range\": [\"10.0.0.9\"], \"vlan\": 2e1}]}", `p.json:1: pool a: vlan: "2e1" is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged`},
		"Latin-1":          {"{\"ip_pools\": [],\n\"x\": \"\xe9\"}", `warning: p.json:2: the file is not UTF-8 here`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := config.Parse("p.json", []byte(tt.text))
			if diff := cmp.Diff(tt.want, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
