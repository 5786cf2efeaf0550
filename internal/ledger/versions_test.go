package ledger

import (
	"errors"
	"strings"
	"testing"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// A node that is updated later writes what newer ones know and it doesn't, into
// both slots.
func TestOlderNodeKeepsWhatNewerOnesWrote(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	update(t, host[0].ledger(t), func(table *lease.Table) error {
		one := typical(1)
		one.Extra = []byte(`"color":{"of":["a","b"]}`)
		table.Add(one)
		table.Extra = []byte(`"season":"autumn"`)
		return touch(1)(table)
	})
	for i := range 2 {
		update(t, host[1].ledger(t), touch(pve.VMID(2+i)))
	}
	for i := range 2 {
		for _, member := range []string{`"season":"autumn"`, `"color":{"of":["a","b"]}`} {
			if data := read(t, host[0].slot(i)); !strings.Contains(data, member) {
				t.Errorf("slot %d has lost %s:\n%s", i, member, data)
			}
		}
	}
}

// The first write of a newer format ends the older nodes' use of the ledger,
// although the other slot still holds what they could read.
func TestNewerFormatInOneSlot(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	l := host[1].ledger(t)
	update(t, l, touch(1)) // generation 2, in slot 1
	overwrite(t, host[0].slot(0), string(seal(t, `{"format":2,"sha256":"%s","generation":3,"bytes":%d,"leases":"one"}`, "one lease\n")))
	before := read(t, host[0].slot(0)) + read(t, host[0].slot(1))
	_, err := l.View(t.Context())
	for what, err := range map[string]error{"view": err, "update": l.Update(t.Context(), touch(2))} {
		if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "format 2, this version reads up to 1; install the newer version on this node") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := read(t, host[0].slot(0)) + read(t, host[0].slot(1)); after != before {
		t.Errorf("the slots hold\n%s", after)
	}
}
