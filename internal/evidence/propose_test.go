package evidence_test

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/pve"
)

// between reads 10.0.0.1-10.0.0.9 or one address.
func between(s string) pve.Range {
	first, last, found := strings.Cut(s, "-")
	if !found {
		last = first
	}
	return pve.Range{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		network string
		claimed string
		want    string // empty: no room
	}{
		"an empty network":   {"10.0.0.1-10.0.0.254", "10.0.0.1", "10.0.0.200-10.0.0.249"},
		"hosts at the start": {"10.0.0.1-10.0.0.254", "10.0.0.1-10.0.0.99", "10.0.0.200-10.0.0.249"},
		"DHCP at the end":    {"10.0.0.1-10.0.0.254", "10.0.0.1 10.0.0.100-10.0.0.254", "10.0.0.50-10.0.0.98"},
		"overlapping claims": {"10.0.0.1-10.0.0.254", "10.0.0.1-10.0.0.180 10.0.0.150-10.0.0.199 10.0.0.250", "10.0.0.220-10.0.0.244"},
		"a small block":      {"10.0.0.1-10.0.0.14", "10.0.0.1", "10.0.0.9-10.0.0.14"},
		"two equal blocks":   {"10.0.0.1-10.0.0.11", "10.0.0.6", "10.0.0.8-10.0.0.11"},
		"a large network":    {"10.0.0.1-10.0.255.254", "10.0.0.1", "10.0.255.200-10.0.255.249"},
		"no room":            {"10.0.0.1-10.0.0.6", "10.0.0.1 10.0.0.4", ""},
		"nothing left":       {"10.0.0.1-10.0.0.6", "10.0.0.0-10.0.0.255", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var claims []evidence.Claim
			for c := range strings.FieldsSeq(tt.claimed) {
				claims = append(claims, evidence.Claim{Range: between(c)})
			}
			got, ok := evidence.Propose(between(tt.network), claims)
			if ok != (tt.want != "") || ok && got.Range != between(tt.want) {
				t.Errorf("%v in %v, %v; want %q", got.Range, got.Block, ok, tt.want)
			}
		})
	}
}

// What is proposed lies in the network, and nobody claims any of it.
func TestProposeNothingClaimed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }
		network := pve.Range{First: at(1), Last: at(rapid.IntRange(1, 1000).Draw(t, "size"))}
		var claims []evidence.Claim
		for range rapid.IntRange(0, 20).Draw(t, "claims") {
			first := rapid.IntRange(0, 1000).Draw(t, "first")
			claims = append(claims, evidence.Claim{Range: pve.Range{First: at(first), Last: at(first + rapid.IntRange(0, 200).Draw(t, "length"))}})
		}
		got, ok := evidence.Propose(network, claims)
		if !ok {
			return
		}
		if !network.Contains(got.Range.First) || !network.Contains(got.Range.Last) || got.Range.Last.Less(got.Range.First) {
			t.Fatalf("%v is not in %v", got.Range, network)
		}
		for _, c := range claims {
			if c.Overlaps(got.Range) {
				t.Fatalf("%v overlaps %v", got.Range, c.Range)
			}
		}
	})
}
