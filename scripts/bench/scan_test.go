package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
)

func addrs(text string) (all []netip.Addr) {
	for _, f := range strings.Fields(text) {
		all = append(all, netip.MustParseAddr(f))
	}
	return all
}

// What Nmap 7.93, arp-scan 1.10.0 and fping 5.1 printed, and pve-iplease would,
// of a /29 in which .2, .4 and .7 were others' and .1 the asking node's own.
func TestFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		read func(string) ([]netip.Addr, error)
		out  string
		want string
		err  string
	}{
		"nmap": {nmapFound, `# Nmap 7.93 scan initiated Wed Nov 25 04:40:40 2026 as: nmap -sn -n -oG - 10.9.0.0/29
Host: 10.9.0.2 ()	Status: Up
Host: 10.9.0.4 ()	Status: Up
Host: 10.9.0.7 ()	Status: Up
Host: 10.9.0.1 ()	Status: Up
# Nmap done at Wed Nov 25 04:40:41 2026 -- 8 IP addresses (4 hosts up) scanned in 1.23 seconds
`, "10.9.0.2 10.9.0.4 10.9.0.7 10.9.0.1", ""},
		"arp-scan": {arpScanFound, "10.9.0.2\tbc:24:11:34:a5:4c\n10.9.0.4\tbc:24:11:04:3a:4b\n10.9.0.7\tbc:24:11:2e:72:2f\n", "10.9.0.2 10.9.0.4 10.9.0.7", ""},
		"fping":    {fpingFound, "10.9.0.1\n10.9.0.2\n", "10.9.0.1 10.9.0.2", ""},
		"cut off":  {fpingFound, "10.9.0.1\n10.9.0.25", "10.9.0.1", ""},
		"complaint": {
			arpScanFound, "WARNING: host part of 10.9.0.1/29 is non-zero\n", "",
			`a line without an address: "WARNING: host part of 10.9.0.1/29 is non-zero"`,
		},
		"nothing": {nmapFound, "", "", ""},
		"scan": {
			scanFound,
			`{"networks":[{"segment":"vmbr0","asked":6,"addresses":[{"address":"10.9.0.2","mac":"BC:24:11:34:A5:4C","severity":"ok"},{"address":"10.9.0.3","ledger":"bound"}]}]}`,
			"10.9.0.2", "",
		},
		"scan in doubt": {
			scanFound, `{"networks":[{"doubt":"vmbr0 has no carrier","addresses":[{"address":"10.9.0.2","mac":"BC:24:11:34:A5:4C"}]}]}`,
			"10.9.0.2", "pve-iplease scan can't tell: vmbr0 has no carrier",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.read(c.out)
			var said string
			if err != nil {
				said = err.Error()
			}
			if diff := cmp.Diff(c.err, said); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(addrs(c.want), got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	there, own := addrs("10.9.0.2 10.9.0.4 10.9.0.7"), netip.MustParseAddr("10.9.0.1")
	for _, c := range []struct {
		found        string
		right, wrong int
	}{
		{"", 0, 0},
		{"10.9.0.1 10.9.0.2 10.9.0.4 10.9.0.7", 3, 0},
		{"10.9.0.2 10.9.0.3", 1, 1},
	} {
		if right, wrong := tally(addrs(c.found), there, own); right != c.right || wrong != c.wrong {
			t.Errorf("%q: %d right, %d wrong", c.found, right, wrong)
		}
	}
}

func TestEvenly(t *testing.T) {
	t.Parallel()
	all := evenly(netip.MustParsePrefix("10.9.0.0/16"), 1000)
	last := netip.MustParseAddr("10.9.0.1") // asks
	for _, a := range all {
		if !last.Less(a) {
			t.Fatalf("%s after %s", a, last)
		}
		last = a
	}
	if len(all) != 1000 || last.Compare(netip.MustParseAddr("10.9.255.254")) > 0 {
		t.Errorf("%d addresses up to %s", len(all), last)
	}
}

// A start that ends with the second of three addresses has judged two.
func TestEnded(t *testing.T) {
	t.Parallel()
	pool := addrs("10.9.0.2 10.9.0.3 10.9.0.4")
	for i, want := range []verdict{{1, 1}, {2, 1}, {3, 1}} {
		if got := ended(pool, pool[i]); got != want {
			t.Errorf("%s: %+v, want %+v", pool[i], got, want)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part, whole float64
		want        string
	}{
		{0, 3000, "< 0.100"},
		{0, 0, "-"},
		{25, 3000, "0.83 (0.57-1.23)"},
		{300, 300, "100 (98.7-100)"},
	} {
		all := []sample{{"free": c.part, "judged": c.whole}}
		if got := bounds("", "free", "judged").show(all); got != c.want {
			t.Errorf("%g of %g: %s, want %s", c.part, c.whole, got, c.want)
		}
	}
}

// On a small scale: who is there is found, and who answers is heard.
func TestQuickScanAndTruth(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	dir := t.TempDir()
	out, err := program(t, "-quick", "-suite", "scan,truth", "-only", "pve-iplease", "-out", dir, "-program", product(t)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	report := string(data)
	for _, want := range []string{"pve-iplease scan --fast", "200 of 200", "miss the first question", "pve-iplease, careful", "0 of 6"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(report, "failed") {
		t.Error("something failed")
	}
	wellFormed(t, report)
	drawn(t, filepath.Join(dir, "scan.svg"))
	if t.Failed() {
		t.Logf("\n%s", report)
	}
}
