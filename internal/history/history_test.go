package history_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/history"
)

func all(history.Event) bool { return true }

func event(addr, what string) history.Event {
	return history.Event{Time: time.Unix(1763758683, 0).UTC(), Node: "pve1", Addr: addr, Owner: "ct/101/net0", VMID: 101, What: what}
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	f := history.File(filepath.Join(t.TempDir(), "lib", "history.jsonl"))
	if got, bad, err := f.Read(all); got != nil || bad != 0 || err != nil {
		t.Errorf("no file: %v, %d, %v", got, bad, err)
	}
	want := []history.Event{event("10.0.0.200", "leased"), event("10.0.0.200", "released")}
	for _, e := range append(want, event("10.0.0.201", "leased")) {
		if err := f.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	got, bad, err := f.Read(func(e history.Event) bool { return e.Addr == "10.0.0.200" })
	if diff := cmp.Diff(want, got); diff != "" || bad != 0 || err != nil {
		t.Errorf("%d bad lines, %v, (-want +got): %s", bad, err, diff)
	}
}

func TestCutOffLine(t *testing.T) {
	t.Parallel()
	f := history.File(filepath.Join(t.TempDir(), "history.jsonl"))
	if err := os.WriteFile(string(f), []byte("{\"time\":\"2026-01-0\nnull\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(event("10.0.0.200", "leased")); err != nil {
		t.Fatal(err)
	}
	if got, bad, err := f.Read(all); len(got) != 1 || bad != 3 || err != nil {
		t.Errorf("%v, %d bad lines, %v", got, bad, err)
	}
}

// TestRotation: the file never grows past its limit by more than a line, and
// what was put aside is still read.
func TestRotation(t *testing.T) {
	t.Parallel()
	f := history.File(filepath.Join(t.TempDir(), "history.jsonl"))
	old := event("10.0.0.200", strings.Repeat("x", 64<<10))
	for range 70 {
		if err := f.Append(old); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(string(f))
	if err != nil || info.Size() > 1<<20 {
		t.Errorf("after 4.4 MiB the file has %d bytes (%v)", info.Size(), err)
	}
	if got, _, err := f.Read(all); len(got) != 70 || err != nil {
		t.Errorf("%d events, %v; want 70", len(got), err)
	}
}

func TestWritersDoNotMix(t *testing.T) {
	t.Parallel()
	f := history.File(filepath.Join(t.TempDir(), "history.jsonl"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := f.Append(event("10.0.0.200", strings.Repeat("y", 1000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, bad, err := f.Read(all); len(got) != 400 || bad != 0 || err != nil {
		t.Errorf("%d events, %d bad lines, %v", len(got), bad, err)
	}
}
