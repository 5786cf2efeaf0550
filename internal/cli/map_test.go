package cli_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// town is an estate in which every mark of a map occurs, and names that try to
// be more than names.
func town(t testing.TB) *estate {
	e := newEstate(t, `pool: lan
	bridge vmbr0
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.128-10.0.0.239
	exclude 10.0.0.219

pool: big
	bridge vmbr1
	subnet 10.16.0.0/16
	range 10.16.4.0/22

reservation: 10.0.0.150
	guest 999
	comment </td><script>document.title = "owned"</script>
`)
	names := []string{"web", "db", "mail", "git", "cache", "proxy", "ci", "wiki"}
	a := netip.MustParseAddr("10.0.0.128")
	var leases []lease.Lease
	for i := range 18 {
		id := pve.VMID(101 + i)
		l := boundTo(id, a)
		if i%5 == 3 {
			l.State = lease.Released
		}
		leases = append(leases, l)
		e.guest(id, names[i%len(names)], a.String()+"/24")
		a = a.Next()
	}
	e.guest(150, `<img src=x onerror="document.title='owned'">`, "10.0.0.53/24")
	e.guest(151, "twin", "10.0.0.131/24")
	offered := boundTo(160, netip.MustParseAddr("10.0.0.160"))
	offered.State, offered.Until = lease.Offered, offered.Since.AddDate(100, 0, 0)
	stranger := boundTo(0, netip.MustParseAddr("10.0.0.170"))
	stranger.Owner, stranger.State, stranger.MAC = pve.Owner{}, lease.Conflicted, pve.MAC{2, 0x42, 10, 0, 0, 0xdb}
	far := boundTo(0, netip.MustParseAddr("10.16.4.9"))
	far.Owner, far.State = pve.Owner{}, lease.Conflicted
	far.Segment.Bridge = "vmbr1"
	e.lease(append(leases, offered, stranger, far)...)
	e.write("var/lib/misc/dnsmasq.leases", "4102444800 00:11:22:33:44:55 10.0.0.205 \"><svg/onload=alert(1)> *\n4102444800 00:11:22:33:44:56 10.0.0.20 tv *\n")
	return e
}

// pve runs the program on the estate and returns its output.
func (e *estate) pve(args ...string) string {
	e.t.Helper()
	exe, err := os.Executable()
	e.must(err)
	cmd := exec.Command(exe, append([]string{"--root", e.root}, args...)...)
	cmd.Args[0] = program
	out, err := cmd.Output()
	if err != nil {
		e.t.Fatalf("%v: %v\n%s%s", args, err, out, err.(*exec.ExitError).Stderr)
	}
	return string(out)
}

// browse loads a page in Chromium, lets its script run, and returns the
// document as it then is.
func browse(t *testing.T, url string) string {
	t.Helper()
	chromium := lab.RequireProgram(t, "chromium")
	cmd := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--dump-dom", url)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	return string(out)
}

var rowPattern = regexp.MustCompile(`<tr role="row" id="p0-([0-9.]+)"( hidden="")?>`)

// The page works in a real browser: it sorts, finds, and runs nothing that a
// guest is called.
func TestMapInBrowser(t *testing.T) {
	t.Parallel()
	e := town(t)
	file := filepath.Join(e.root, "map.html")
	e.pve("map", "--html", file)
	dom := browse(t, "file://"+file+"#sort=State&desc=1&find=conflict")
	if !strings.Contains(dom, "<title>Address map</title>") {
		t.Error("a guest's name ran as a script")
	}
	for _, hostile := range []string{"<img", "<svg", "<script>document"} {
		if strings.Contains(dom, hostile) {
			t.Errorf("the page has %s", hostile)
		}
	}
	for _, want := range []string{
		`aria-sort="descending"><button type="button">State</button>`,
		`<caption>Addresses of pool lan that something is known of</caption>`,
		`&lt;img src=x onerror="document.title='owned'"&gt;`,
		`<output aria-live="polite">1 of 25</output>`,
	} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	var shown, all []string
	for _, m := range rowPattern.FindAllStringSubmatch(dom, -1) {
		all = append(all, m[1])
		if m[2] == "" {
			shown = append(shown, m[1])
		}
	}
	if diff := cmp.Diff([]string{"10.0.0.131"}, shown); diff != "" {
		t.Errorf("shown: %s", diff)
	}
	if want := slices.Sorted(slices.Values(all)); len(all) != 25 || all[0] != "10.0.0.131" || slices.Equal(want, all) {
		t.Errorf("the rows are not sorted by state: %v", all)
	}
}

// The page takes nothing from elsewhere, and replaces the old one as a whole.
func TestMapPage(t *testing.T) {
	t.Parallel()
	e := town(t)
	page := e.pve("map", "lan", "--html", "-")
	if m := regexp.MustCompile(`(src|href)="[^#]`).FindString(page); m != "" {
		t.Errorf("the page loads something: %s", m)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "map.html")
	e.must(os.WriteFile(file, []byte("old"), 0o600))
	e.pve("map", "lan", "--html", file)
	entries, err := os.ReadDir(dir)
	e.must(err)
	if info, err := os.Stat(file); err != nil || info.Size() < 1000 || len(entries) != 1 {
		t.Errorf("%v, %v, %d files", info, err, len(entries))
	}
}
