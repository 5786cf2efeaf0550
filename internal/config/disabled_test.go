package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

func TestDisabledTellsWhomItWasMeantFor(t *testing.T) {
	t.Parallel()
	c, _ := config.Parse("p", []byte("pool: a\n bridge vmbr0\n vlan 5\n nodes n1\n\n"+
		"pool: b\n bridge vmbr1\n vlan x\n\npool: c\n bridge /\n\nnote: d\n text e\n\n"+pools("ok|vmbr0|10.0.0.9|nodes n2")))
	const missing = "subnet is missing; name the network that the guests are in, like 'subnet 10.0.0.0/24'"
	want := []config.Disabled{
		{Kind: "pool", Name: "a", Line: 1, Bridge: "vmbr0", VLAN: 5, Nodes: []string{"n1"}, Why: missing},
		{Kind: "pool", Name: "b", Line: 6, Bridge: "vmbr1", Unsure: true, Why: `vlan: "x" is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged`},
		{Kind: "pool", Name: "c", Line: 10, Why: `bridge: "/" is no bridge; allowed are up to 15 letters, digits, '_', '.' and '-', like vmbr0`},
		{Kind: "note", Name: "d", Line: 13, Why: `"note" is none of the section types pool, reservation`},
	}
	if diff := cmp.Diff(want, c.Disabled, exact); diff != "" {
		t.Fatalf("disabled (-want +got):\n%s", diff)
	}
	for i, tt := range []struct {
		node, bridge string
		tag          uint16
		want         [4]bool
	}{
		{"n1", "vmbr0", 5, [4]bool{true, false, true, false}},
		{"n2", "vmbr0", 5, [4]bool{false, false, true, false}},
		{"n1", "vmbr0", 0, [4]bool{false, false, true, false}},
		{"n1", "vmbr1", 9, [4]bool{false, true, true, false}},
	} {
		var got [4]bool
		for j, d := range c.Disabled {
			got[j] = d.MayServe(tt.node, tt.bridge, tt.tag, 0)
		}
		if got != tt.want {
			t.Errorf("case %d: %v, want %v", i, got, tt.want)
		}
	}
	if len(c.Pools) != 1 {
		t.Errorf("%d pools stand, want the one that is right", len(c.Pools))
	}
}
