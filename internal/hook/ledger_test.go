package hook_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// ledgerDir is where the ledger lies unless node.cfg says otherwise.
const ledgerDir = "/etc/pve/priv/pve-iplease"

// ledger opens the host's ledger.
func (h *host) ledger() *ledger.Ledger {
	h.t.Helper()
	l, err := ledger.Open(ledger.Options{Dir: h.path(ledgerDir), PVE: h.path("/etc/pve"), Run: h.path("/run/pve-iplease"), Cluster: h.cluster, Scratch: true})
	h.Must(err)
	return l
}

// leases are all records, by key; none when the ledger cannot be read.
func (h *host) leases() map[lease.Key]lease.Lease {
	h.t.Helper()
	table, err := h.ledger().View(h.t.Context())
	found := map[lease.Key]lease.Lease{}
	if err != nil {
		return found
	}
	for l := range table.All() {
		found[l.Key] = l
	}
	return found
}

// rewrite replaces the ledger by one that differs as change says, as time or
// other nodes might have done; change returns false for a record to forget.
func (h *host) rewrite(change func(*lease.Lease) bool, more ...lease.Lease) {
	h.t.Helper()
	for _, l := range h.leases() {
		if change == nil || change(&l) {
			more = append(more, l)
		}
	}
	h.Must(removeAll(h.path(ledgerDir)))
	h.Must(h.ledger().Update(h.t.Context(), func(t *lease.Table) error {
		for _, l := range more {
			t.Add(l)
		}
		t.Known("elsewhere", "test", pve.MAC{2, 0, 0, 0, 0, 1}) // a change, so that the table is written
		return nil
	}))
}

// removeAll removes a directory. On FUSE a file that was closed a moment ago
// may be hidden in it still.
func removeAll(dir string) (err error) {
	for range 200 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// records fails the test unless the ledger has exactly these records, each as
// "10.0.0.200 ct/101/net0 bound pool".
func (h *host) records(want ...string) {
	h.t.Helper()
	got := make([]string, 0, len(want))
	for _, l := range h.leases() {
		got = append(got, summary(l))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		h.t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

// summary is what the tests compare of a record.
func summary(l lease.Lease) string {
	words := []string{l.Addr.String()}
	if l.Segment.String() != "vmbr0" {
		words = append(words, l.Segment.String())
	}
	if l.State == lease.Conflicted {
		return strings.Join(append(words, "conflicted", l.MAC.String()), " ")
	}
	words = append(words, l.Owner.String(), l.State.String(), l.Origin.String())
	if l.Unproven {
		words = append(words, "unproven")
	}
	return strings.Join(words, " ")
}

// only returns the one lease that a container has.
func (h *host) only(id pve.VMID) lease.Lease {
	h.t.Helper()
	mine := slices.DeleteFunc(slices.Collect(maps.Values(h.leases())), func(l lease.Lease) bool { return l.Owner.VMID != id })
	if len(mine) != 1 {
		h.t.Fatalf("CT %s has %d leases", id, len(mine))
	}
	return mine[0]
}
