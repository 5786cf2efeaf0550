package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

// pools writes a pool a line: name, bridge, range, more properties.
func pools(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		f := strings.SplitN(l, "|", 4)
		b.WriteString("pool: " + f[0] + "\n bridge " + f[1] + "\n subnet 10.0.0.0/24\n range " + f[2] + "\n")
		for more := range strings.SplitSeq(strings.Join(f[3:], ""), "|") {
			b.WriteString(" " + more + "\n")
		}
	}
	return b.String()
}

func TestClashes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, want string
		stand      []string
	}{
		"same name": {
			pools("a|vmbr0|10.0.0.9", "a|vmbr1|10.0.0.9"),
			"p:6: pool a: another pool has this name, in line 1; choose a different one",
			[]string{"a"},
		},
		"overlap": {
			pools("a|vmbr0|10.0.0.9 10.0.0.20-10.0.0.30", "b|vmbr0|10.0.0.12,10.0.0.30/31"),
			"p:9: pool b: range: 10.0.0.30-10.0.0.31 overlaps 10.0.0.20-10.0.0.30 of pool a (line 1) on vmbr0; one address belongs to one pool",
			[]string{"a"},
		},
		"other tag":         {pools("a|vmbr0|10.0.0.9", "b|vmbr0|10.0.0.9|vlan 2"), "", []string{"a", "b"}},
		"other nodes":       {pools("a|vmbr0|10.0.0.9|nodes n1", "b|vmbr0|10.0.0.9|nodes n2"), "", []string{"a", "b"}},
		"side by side":      {pools("a|vmbr0|10.0.0.9", "b|vmbr0|10.0.0.10"), "", []string{"a", "b"}},
		"all nodes and one": {pools("a|vmbr0|10.0.0.9", "b|vmbr0|10.0.0.9|nodes n2"), "p:9: pool b: range: 10.0.0.9 overlaps 10.0.0.9 of pool a (line 1) on vmbr0; one address belongs to one pool", []string{"a"}},
		"a disabled one is no obstacle": {
			pools("a|vmbr0|10.0.0.9|vlan x", "b|vmbr0|10.0.0.9"),
			`p:5: pool a: vlan: "x" is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged`,
			[]string{"b"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, problems := config.Parse("p", []byte(tt.text))
			if diff := cmp.Diff(tt.want, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			var stand []string
			for _, p := range c.Pools {
				stand = append(stand, p.Name)
			}
			if diff := cmp.Diff(tt.stand, stand); diff != "" {
				t.Errorf("pools (-want +got):\n%s", diff)
			}
		})
	}
}
