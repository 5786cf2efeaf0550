package ledger

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestSlots(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	a, b := host[0].ledger(t), host[1].ledger(t)
	if got := view(t, a); got.Generation != 0 || got.Len() != 0 {
		t.Errorf("before first use: %+v", got)
	}
	want := []pve.MAC{}
	for i := range 6 {
		l := []*Ledger{a, b}[i%2]
		update(t, l, touch(pve.VMID(i)))
		want = append(want, pve.MAC{2, 0, 0, 0, 0, byte(i)})
		for _, l := range []*Ledger{a, b} {
			if got := view(t, l); got.Generation != uint64(i+2) || !slices.Equal(got.Nodes["pve1"].Probers, want) {
				t.Errorf("after change %d: generation %d, %v", i, got.Generation, got.Nodes)
			}
		}
	}
	for i := range 2 {
		if data := read(t, host[1].slot(i)); claimed([]byte(data)) != uint64(6+i) && claimed([]byte(data)) != uint64(7-i) {
			t.Errorf("slot %d: %s", i, data)
		}
	}
	left := append(entries(t, host[0].path("etc/pve/priv")), entries(t, host[0].path("run/pve-iplease"))...)
	slices.Sort(left)
	if want := []string{"lock", "lock", "pve-iplease", "pve-iplease/ledger.0", "pve-iplease/ledger.1"}; !slices.Equal(left, want) {
		t.Errorf("files: %q", left)
	}
	if len(host[0].notes) > 0 {
		t.Errorf("notes: %q", host[0].notes)
	}
}

// A ledger that somebody on another node has just removed is begun anew, though
// this node's kernel may believe for a second that it is still there.
func TestRemovedElsewhere(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	update(t, l, touch(2))
	for _, path := range []string{host[1].slot(0), host[1].slot(1), filepath.Dir(host[1].slot(0))} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	update(t, l, touch(3))
	if got := view(t, l).Generation; got != 2 {
		t.Errorf("generation %d", got)
	}
}

// A ledger that got shorter is followed by what was there before.
func TestSlotsThatGotShorter(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	grow := func(t *lease.Table) error {
		for i := range 50 {
			t.Known(fmt.Sprintf("pve%d", i), "1", pve.MAC{1})
		}
		return nil
	}
	update(t, l, grow)
	update(t, l, touch(1))
	err := l.Update(t.Context(), func(table *lease.Table) error {
		table.Nodes = map[string]lease.NodeInfo{}
		return touch(2)(table)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := view(t, l); len(got.Nodes) != 1 {
		t.Errorf("%d nodes", len(got.Nodes))
	}
}

// Several nodes find no ledger at the same time.
func TestFirstUseOnSeveralNodes(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2", "pve3")
	var wg sync.WaitGroup
	for i, h := range host {
		l := h.ledger(t)
		for j := range 5 {
			wg.Go(func() {
				if err := l.Update(t.Context(), touch(pve.VMID(10*i+j))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := view(t, host[0].ledger(t)); got.Generation != 16 || len(got.Nodes["pve1"].Probers) != 15 {
		t.Errorf("generation %d, %d changes", got.Generation, len(got.Nodes["pve1"].Probers))
	}
}

// One write is one message as long as it fits.
func TestOneWrite(t *testing.T) {
	t.Parallel()
	c, host := hosts(t, "pve1", "pve2")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	update(t, l, touch(2))
	var calls []pmxcfs.Op
	var mu sync.Mutex
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		mu.Lock()
		defer mu.Unlock()
		if o.Change() {
			o.PID = 0
			calls = append(calls, o)
		}
		return pmxcfs.Fault{}
	})
	update(t, l, func(table *lease.Table) error {
		for i := range 1000 {
			table.Add(typical(i))
		}
		return touch(3)(table)
	})
	mu.Lock()
	defer mu.Unlock()
	var did []string
	for _, o := range calls {
		did = append(did, fmt.Sprint(o.Call, " ", o.Path, " ", o.Offset))
	}
	want := []string{"mkdir priv/lock/pve-iplease 0", "write priv/pve-iplease/ledger.1 0", "rmdir priv/lock/pve-iplease 0"}
	if !slices.Equal(did, want) && !slices.Equal(did, []string{want[0], "write priv/pve-iplease/ledger.0 0", want[2]}) {
		t.Errorf("calls: %q", did)
	}
	if size := calls[1].Size; size < 100<<10 || size > 128<<10 {
		t.Errorf("%d bytes in one message", size)
	}
}

// After a change, no file is half of what it was, and bytes stay their own.
func TestBytesAfterAWrite(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1")
	l := host[0].ledger(t)
	update(t, l, touch(1))
	want := mustEncode(t, view(t, l))
	if got := read(t, host[0].slot(1)); !bytes.HasPrefix([]byte(got), want) {
		t.Errorf("slot 1 holds\n%s\nnot\n%s", got, want)
	}
}
