package history_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/history"
	"pve-iplease/internal/pve"
)

func TestLastMAC(t *testing.T) {
	t.Parallel()
	f := history.File(filepath.Join(t.TempDir(), "history.jsonl"))
	a, b := netip.MustParseAddr("10.0.0.20"), netip.MustParseAddr("2001:db8::1")
	if got := f.LastMAC(a); !got.IsZero() {
		t.Errorf("of no file: %s", got)
	}
	with := func(addr, mac string) history.Event {
		e := event(addr, "leased")
		e.MAC = mac
		return e
	}
	for _, e := range []history.Event{
		with("10.0.0.20", "BC:24:11:00:00:01"), with("10.0.0.20", "BC:24:11:00:00:02"), with("10.0.0.201", "BC:24:11:00:00:03"),
		with("10.0.0.20", ""), with("2001:db8::1", "BC:24:11:00:00:04"), with("10.0.0.21", "nonsense"),
	} {
		if err := f.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	for addr, want := range map[netip.Addr]pve.MAC{
		a: {0xbc, 0x24, 0x11, 0, 0, 2}, b: {0xbc, 0x24, 0x11, 0, 0, 4},
		netip.MustParseAddr("10.0.0.21"): {}, netip.MustParseAddr("10.0.0.2"): {},
	} {
		if got := f.LastMAC(addr); got != want {
			t.Errorf("of %s: %s, want %s", addr, got, want)
		}
	}
	// What is long ago is not looked for.
	old, err := os.ReadFile(string(f))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(string(f), append(old, strings.Repeat("{}\n", 100_000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := f.LastMAC(a); !got.IsZero() {
		t.Errorf("of long ago: %s", got)
	}
}
