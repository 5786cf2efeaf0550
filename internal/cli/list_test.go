package cli

import (
	"io/fs"
	"net/netip"
	"testing"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// proofs are the claims that this node has proved.
type proofs map[string]string

func (p proofs) Get(name string) (string, error) {
	text, ok := p[name]
	if !ok {
		return "", fs.ErrNotExist
	}
	return text, nil
}

func (p proofs) Put(name, text string) error { p[name] = text; return nil }
func (p proofs) Names() (names []string)     { return nil }

// A row says that the address may be another's, unless this node has proved that it
// isn't, and that somebody vouches for it.
func TestRowOfAContestedLease(t *testing.T) {
	t.Parallel()
	h := &hook.Host{Hook: &hook.Hook{Pools: &config.Config{}, Proved: proofs{"proved": "yes"}}}
	owner := pve.Owner{VMID: 101}
	for name, c := range map[string]struct {
		lease              lease.Lease
		contested, vouched bool
		remark             string
	}{
		"neither":         {lease: lease.Lease{}},
		"contested":       {lease: lease.Lease{Contested: true}, contested: true, remark: "contested"},
		"proved here":     {lease: lease.Lease{Contested: true, Claim: lease.Claim{ID: "proved"}}},
		"proved nowhere":  {lease: lease.Lease{Contested: true, Claim: lease.Claim{ID: "other"}}, contested: true, remark: "contested"},
		"vouched":         {lease: lease.Lease{Vouched: []pve.Owner{owner}}, vouched: true, remark: "vouched"},
		"also unproven":   {lease: lease.Lease{Vouched: []pve.Owner{owner}, Unproven: true}, vouched: true, remark: "unproven, vouched"},
		"and free to use": {lease: lease.Lease{Contested: true, Freed: true}, contested: true, remark: "contested, free to reuse"},
	} {
		c.lease.Owner, c.lease.Addr, c.lease.State = owner, netip.MustParseAddr("10.0.0.205"), lease.Bound
		r := newRow(h, lease.Inventory{}, c.lease)
		if r.Contested != c.contested || r.Vouched != c.vouched || r.Remark != c.remark {
			t.Errorf("%s: contested %v, vouched %v, remark %q", name, r.Contested, r.Vouched, r.Remark)
		}
	}
}
