package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// anyName is what nodes, bridges and ids may be called.
func anyName() *rapid.Generator[string] {
	return rapid.StringMatching(`[a-zA-Z0-9._:+-]{1,12}`).Filter(plain)
}

func anyAddr(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "ipv6") {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")))
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
}

func anyTime(t *rapid.T, what string) time.Time {
	if rapid.Bool().Draw(t, "no "+what) {
		return time.Time{}
	}
	return time.Unix(rapid.Int64Range(1, 1<<40).Draw(t, what), 0).UTC()
}

func anyLease(t *rapid.T) lease.Lease {
	l := lease.Lease{
		Key: lease.Key{
			Segment: pve.NewSegment(anyName().Draw(t, "bridge"), rapid.Uint16().Draw(t, "tag"), rapid.SliceOfN(anyName(), 0, 2).Draw(t, "nodes")...),
			Addr:    anyAddr(t),
		},
		Owner:    pve.Owner{Kind: rapid.SampledFrom([]pve.Kind{pve.Container, pve.VM}).Draw(t, "kind"), VMID: pve.VMID(rapid.IntRange(100, 999999999).Draw(t, "vmid")), NIC: rapid.IntRange(0, 31).Draw(t, "nic")},
		Origin:   lease.Origin(rapid.IntRange(0, 2).Draw(t, "origin")),
		State:    lease.State(rapid.IntRange(0, 3).Draw(t, "state")),
		Gen:      rapid.Uint64().Draw(t, "generation"),
		Since:    anyTime(t, "since"),
		Until:    anyTime(t, "until"),
		Unproven: rapid.Bool().Draw(t, "unproven"),
		Freed:    rapid.Bool().Draw(t, "freed"),
		Missing:  anyTime(t, "missing"),
	}
	if l.State == lease.Conflicted && rapid.Bool().Draw(t, "nobody's") {
		l.Owner = pve.Owner{}
	}
	if rapid.Bool().Draw(t, "claimed") {
		l.Claim = lease.Claim{
			ID: anyName().Draw(t, "id"), Node: anyName().Draw(t, "node"), Boot: anyName().Draw(t, "boot"),
			Up: time.Duration(rapid.Int64Range(0, 1<<39-1).Draw(t, "up")) * tick, At: anyTime(t, "at"),
		}
	}
	if rapid.Bool().Draw(t, "moved") {
		l.Was = anyAddr(t)
	}
	copy(l.MAC[:], rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "mac"))
	if rapid.Bool().Draw(t, "newer") {
		l.Extra = fmt.Appendf(nil, `"newer":%q`, rapid.StringMatching(`[ -~]*`).Draw(t, "extra"))
	}
	return l
}

// Whatever leases there are, they are stored and read back the same.
func TestAnyTableIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		table := lease.NewTable()
		table.Generation = rapid.Uint64Range(0, maxNumber).Draw(rt, "generation")
		table.Cluster = rapid.String().Draw(rt, "cluster")
		for range rapid.IntRange(0, 5).Draw(rt, "leases") {
			table.Add(anyLease(rt))
		}
		data, err := encode(table, nil)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := decode(data)
		if err != nil {
			rt.Fatalf("%v in\n%s", err, data)
		}
		sameTable(rt, table, got)
	})
}

// damage changes a slot at random: a hole, an end, pieces of what was there
// before, bytes of anything.
func damage(t *rapid.T, data, before []byte) []byte {
	data = bytes.Clone(data)
	at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
	switch rapid.IntRange(0, 3).Draw(t, "damage") {
	case 0:
		return data[:at]
	case 1:
		copy(data[at:], before[min(at, len(before)):])
	case 2:
		copy(data[at:], rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "bytes"))
	case 3:
		clear(data[at:min(len(data), at+rapid.IntRange(1, 4096).Draw(t, "zeros"))])
	}
	return data
}

// Of two slots with any damage, the newest whole one counts, and none is
// invented.
func TestTheNewestWholeSlotCounts(t *testing.T) {
	t.Parallel()
	older, newer := sample(20), sample(20)
	older.Generation, newer.Generation = 7, 8
	a, b := mustEncode(t, older), mustEncode(t, newer)
	before := mustEncode(t, sample(30))
	rapid.Check(t, func(rt *rapid.T) {
		slot := [2][]byte{a, b}
		for i := range slot {
			if rapid.Bool().Draw(rt, fmt.Sprintf("damage %d", i)) {
				slot[i] = damage(rt, slot[i], before)
			}
		}
		goodA, goodB := bytes.HasPrefix(slot[0], a), bytes.HasPrefix(slot[1], b)
		r, sure, err := newest([]Slot{{Name: "0", Data: slot[0]}, {Name: "1", Data: slot[1]}}, nil)
		switch {
		case !goodA && !goodB:
			if !errors.Is(err, ErrDamaged) || sure {
				rt.Errorf("both are bad: %v, sure %v", err, sure)
			}
		case err != nil:
			rt.Errorf("one is good: %v", err)
		case goodB && (r.table.Generation != 8 || r.used != 1), !goodB && (r.table.Generation != 7 || r.used != 0):
			rt.Errorf("generation %d of slot %d", r.table.Generation, r.used)
		case !goodB && sure && claimed(slot[1]) >= 7:
			rt.Error("sure, although the other slot seems to be newer")
		}
	})
}
