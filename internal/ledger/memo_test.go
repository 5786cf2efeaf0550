package ledger

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Whatever was read before, a ledger is read and written as without it.
func TestMemoChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, now := sample(rapid.IntRange(0, 40).Draw(t, "before")), lease.NewTable()
		was := memoOf(bodyOf(t, before))
		now.Generation, now.Cluster = 9, "prod"
		for l := range sample(rapid.IntRange(0, 40).Draw(t, "now")).All() {
			switch rapid.IntRange(0, 9).Draw(t, "happens") {
			case 0:
				continue
			case 1:
				l.Gen += 100
			case 2:
				l.Missing = noon.Add(time.Minute)
			case 3:
				l.Extra = []byte(`"new":1`)
			}
			now.Add(l)
		}
		plain, err := encode(now, nil)
		if err != nil {
			t.Fatal(err)
		}
		fast, err := encode(now, was)
		if err != nil || !bytes.Equal(fast, plain) {
			t.Fatalf("%v\nwritten as %s\nwant       %s", err, fast, plain)
		}
		e, err := unwrap(plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.table(was)
		if err != nil {
			t.Fatal(err)
		}
		sameTable(t, now, got)
	})
}

// bodyOf is a table's lines as they are stored.
func bodyOf(t *rapid.T, table *lease.Table) string {
	data, err := encode(table, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(data[bytes.IndexByte(data, '\n')+1:])
}

// A large ledger is changed by what others have made of it meanwhile, not by
// what was read before the lock was there.
func TestLargeLedgerChangesUnderneath(t *testing.T) {
	t.Parallel()
	forms := map[string]func(*testing.T) *Ledger{
		"pmxcfs": func(t *testing.T) *Ledger { _, host := hosts(t, "pve1"); return host[0].ledger(t) },
		"plain":  func(t *testing.T) *Ledger { l, _ := inDir(t); return l },
	}
	for name, open := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			update(t, l, func(table *lease.Table) error {
				for i := range 1000 {
					table.Add(typical(i))
				}
				return touch(1)(table)
			})
			was := l.memorize(t.Context())
			if was == nil || len(was.lines) != 1000 {
				t.Fatalf("remembered %+v", was)
			}
			update(t, l, func(table *lease.Table) error {
				table.Free(pve.Container, 150, noon)
				table.Forget(pve.Container, 151)
				return touch(2)(table)
			})
			r, err := l.read(t.Context(), was)
			if err != nil {
				t.Fatal(err)
			}
			sameTable(t, view(t, l), r.table)
			if got := r.table.Guest(pve.Container, 150); len(got) != 1 || !got[0].Freed || r.table.Len() != 999 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// What is damaged is not looked at before it is known to be.
func TestNoMemo(t *testing.T) {
	t.Parallel()
	l, dir := inDir(t)
	update(t, l, touch(1))
	if l.memorize(t.Context()) != nil {
		t.Error("of a small ledger")
	}
	write(t, dir+"/ledger", strings.Repeat("damage\n", large))
	if l.memorize(t.Context()) != nil {
		t.Error("of a damaged one")
	}
}
