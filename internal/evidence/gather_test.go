package evidence_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// What fails or hangs leaves a remark; the rest is there, also when it comes
// in the last moment.
func TestGatherSoftly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		e := &evidence.Snapshot{}
		hangs := make(chan struct{})
		evidence.Sources{
			Ledger: func(context.Context) (*lease.Table, error) { return nil, errors.New("the ledger is \x1b[1mdamaged") },
			Inventory: func(context.Context) (lease.Inventory, error) {
				time.Sleep(900 * time.Millisecond)
				return lease.Inventory{Guests: map[pve.VMID]lease.Guest{101: {}}}, nil
			},
			Kernel: func() (evidence.Kernel, error) { <-hangs; return evidence.Kernel{Bridges: []string{"late"}}, nil },
			DHCP: func(context.Context) dhcp.Found {
				return dhcp.Found{Problems: []dhcp.Problem{{File: "/f", Line: 3, Text: "it is cut off"}}}
			},
			IPAM: func() ([]inventory.IPAMEntry, error) { return []inventory.IPAMEntry{{Zone: "z"}}, nil },
		}.Gather(ctx, e)
		close(hangs)
		synctest.Wait()
		var remarks []string
		for _, r := range e.Remarks {
			remarks = append(remarks, r.Source+": "+r.Text)
		}
		slices.Sort(remarks)
		want := []string{
			"DHCP: /f:3: it is cut off", "guest configs: some of them could not be read: a guest may be missing here",
			"kernel: it did not answer in time: context deadline exceeded", "ledger: the ledger is �[1mdamaged",
		}
		if diff := cmp.Diff(want, remarks); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(e.Inventory.Guests) != 1 || len(e.IPAM) != 1 || e.Kernel.Bridges != nil || e.Table == nil || e.Table.Len() != 0 {
			t.Errorf("got %+v", e)
		}
	})
}

func TestExclusion(t *testing.T) {
	t.Parallel()
	span := func(first, last string) pve.Range { return pve.Range{First: addr(first), Last: addr(last)} }
	office := span("10.0.0.100", "10.0.0.250")
	for name, c := range map[string]struct {
		server dhcp.Server
		away   []pve.Range
		want   string
	}{
		"in the middle": {dhcp.Dnsmasq, []pve.Range{span("10.0.0.200", "10.0.0.239")}, "dhcp-range=10.0.0.100,10.0.0.199|dhcp-range=10.0.0.240,10.0.0.250"},
		"at the end":    {dhcp.ISC, []pve.Range{span("10.0.0.200", "10.0.1.9")}, "range 10.0.0.100 10.0.0.199;"},
		"at the start":  {dhcp.Kea, []pve.Range{span("10.0.0.1", "10.0.0.100")}, `{ "pool": "10.0.0.101 - 10.0.0.250" },`},
		"two":           {dhcp.ISC, []pve.Range{span("10.0.0.100", "10.0.0.100"), span("10.0.0.102", "10.0.0.250")}, "range 10.0.0.101 10.0.0.101;"},
		"all":           {dhcp.Dnsmasq, []pve.Range{span("10.0.0.0", "10.0.0.255")}, "(nothing: remove it)"},
		"elsewhere":     {dhcp.Dnsmasq, []pve.Range{span("10.1.0.0", "10.1.0.255")}, "dhcp-range=10.0.0.100,10.0.0.250"},
	} {
		if got := strings.Join(evidence.Exclusion(c.server, office, c.away), "|"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
