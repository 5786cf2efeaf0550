package hook_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// strangerAt is a mark of this age.
func strangerAt(a string, age time.Duration) lease.Lease {
	return lease.Lease{
		Key:   lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: netip.MustParseAddr(a)},
		State: lease.Conflicted, MAC: pve.MAC{0x52, 0x54, 0, 0, 0, 7}, Since: time.Now().Add(-age).Truncate(time.Second),
	}
}

// reclaim ends the marks that are past their hour, and says so before.
func TestReclaimEndsMarks(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.rewrite(nil, strangerAt("10.0.0.200", 3*hour), strangerAt("10.0.0.201", time.Minute))
	old, young := "10.0.0.200 conflicted 52:54:00:00:00:07", "10.0.0.201 conflicted 52:54:00:00:00:07"
	h.admin("reclaim", "--dry-run").exits(hook.OK).says("10.0.0.200  -", "would be freed", "a stranger had it")
	h.records(old, young)
	h.admin("reclaim").exits(hook.OK).says("10.0.0.200  -", "freed", "a stranger had it")
	h.records(young)
	h.admin("reclaim").exits(hook.OK).says("nothing to reclaim")
}

// overfull makes the ledger of a federation one that has no room for anything,
// as an older version could leave it: marks, so many together on a bridge, other
// leases, and whatever.
func (c *federation) overfull(marks, together int, age time.Duration, more ...lease.Lease) {
	h := c.hosts[0]
	h.t.Helper()
	fill := func(bytes int) (size int) {
		for i := range 2 {
			h.Must(os.WriteFile(filepath.Join(h.path(ledgerDir), fmt.Sprintf("ledger.%d", i)), []byte("damage"), 0o600))
		}
		_, err := h.ledger().Rebuild(h.t.Context(), time.Now(), func() (*lease.Table, error) {
			table := lease.NewTable()
			for i := range marks {
				m := strangerAt(fmt.Sprintf("10.7.%d.%d", i/200, i%200), age)
				m.Segment.Bridge = fmt.Sprintf("vmbr%d", i/together)
				table.Add(m)
			}
			for _, l := range more {
				table.Add(l)
			}
			table.Extra = []byte(`"x":"` + strings.Repeat("x", bytes) + `"`)
			return table, nil
		})
		h.Must(err)
		places, err := h.ledger().Inspect(h.t.Context())
		h.Must(err)
		return max(places[0].Bytes, places[1].Bytes)
	}
	const begin = 800_000
	fill(begin + 1<<20 - fill(begin))
}

// A start makes room by itself where an older version left marks in excess.
func TestStartMakesAFullLedgerSmaller(t *testing.T) {
	t.Parallel()
	f := newFederation(t, wired, 1)
	f.hosts[0].put(ct{id: 101, ip: "manual"})
	f.hosts[0].Must(f.hosts[0].ledger().Update(t.Context(), func(t *lease.Table) error { t.Known("x", "1", pve.MAC{1}); return nil }))
	f.overfull(2000, 2000, time.Minute)
	f.hosts[0].up(101)
}

// A ledger that is full to its last byte is made smaller by release and by
// reclaim, and guests start again.
func TestFullLedgerCanBeMadeSmaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age     time.Duration
		command []string
		starts  int
	}{
		"reclaim":             {2 * hour, []string{"reclaim"}, hook.OK},
		"release":             {2 * hour, []string{"release", "101"}, hook.OK},
		"release of the last": {time.Minute, []string{"release", "101"}, hook.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFederation(t, wired, 1)
			h := f.hosts[0]
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.up(101)
			h.down(101)
			f.overfull(2000, 50, c.age, h.only(101))
			err := h.ledger().Update(t.Context(), func(t *lease.Table) error { t.Known("x", "1", pve.MAC{1}); return nil })
			if !errors.Is(err, ledger.ErrFull) {
				t.Fatalf("it is not full: %v", err)
			}
			h.launch(h.command(program, h.call(102, "pre-start")...)).wait().exits(hook.Failed).says("no room for the ledger")
			h.admin(c.command...).exits(hook.OK)
			h.launch(h.command(program, h.call(102, "pre-start")...)).wait().exits(c.starts)
		})
	}
}

// A bridge without uplink, whose address is another with each guest on it, has
// no prober that another node could hear.
func TestClosedNetworkHasNoProber(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\n"+strings.NewReplacer("pool: lan", "pool: dmz", "vmbr0", "vmbr1").Replace(lan))
	h.Must(h.node.AddBridge("vmbr1"))
	h.put(ct{id: 101, ip: "manual", bridge: "vmbr1"}, ct{id: 102, ip: "manual"})
	probers := func() int {
		table, err := h.ledger().View(t.Context())
		h.Must(err)
		return len(table.Nodes["pve1"].Probers)
	}
	h.start(101).exits(hook.OK).says("nobody has it on this closed network")
	if n := probers(); n != 0 {
		t.Errorf("%d probers of a closed network", n)
	}
	h.start(102).exits(hook.OK)
	if n := probers(); n != 1 {
		t.Errorf("%d probers of two networks, want the one that has an uplink", n)
	}
}
