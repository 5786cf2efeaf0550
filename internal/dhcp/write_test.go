package dhcp_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

func reservation(addr, mac, name string) dhcp.Reservation {
	m, _ := pve.ParseMAC(mac)
	return dhcp.Reservation{Addr: netip.MustParseAddr(addr), MAC: m, Name: name}
}

// awkward are guests as they come.
var awkward = []dhcp.Reservation{
	reservation("10.0.0.203", "BC:24:11:00:00:03", "web"),
	reservation("10.0.0.201", "BC:24:11:00:00:01", "Web.example.com"),
	reservation("10.0.0.202", "BC:24:11:00:00:02", "infinite"),
	reservation("10.0.0.204", "BC:24:11:00:00:04", "45m"),
	reservation("10.0.0.205", "BC:24:11:00:00:05", "a\"; } include \"/etc/passwd\"; #"),
	reservation("10.0.0.206", "BC:24:11:00:00:06", "id:*,set:x\n"),
	reservation("10.0.0.207", "BC:24:11:00:00:07", strings.Repeat("long-", 20)),
	reservation("10.0.0.208", "BC:24:11:00:00:08", ""),
	reservation("10.0.0.209", "", "no-mac"),
	reservation("10.0.0.210", "BC:24:11:00:00:01", "clone"),
	reservation("10.0.0.201", "BC:24:11:00:00:09", "twice"),
	reservation("10.0.0.211", "BC:24:11:00:00:0A", "ignore"),
	reservation("10.0.0.212", "BC:24:11:00:00:0B", "--"),
}

func TestUnique(t *testing.T) {
	t.Parallel()
	kept, dropped := dhcp.Unique(awkward)
	if len(kept) != 10 {
		t.Errorf("%d are kept", len(kept))
	}
	var got []string
	for _, d := range dropped {
		got = append(got, d.Addr.String()+" "+d.Why)
	}
	want := []string{
		"10.0.0.201 BC:24:11:00:00:01 has the same address",
		"10.0.0.209 its MAC address is not known",
		"10.0.0.210 10.0.0.201 has the same MAC address, BC:24:11:00:00:01",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	for _, r := range kept {
		if r.Addr == netip.MustParseAddr("10.0.0.203") && r.Name != "" {
			t.Errorf("%+v has the name of another", r)
		}
	}
}

// written are the formats that we write, each with a configuration of its
// server that includes it from a directory, and how the server is asked
// whether it takes that.
func written(dir string) map[dhcp.Format]server {
	in := func(name string) string { return filepath.Join(dir, name) }
	isc := servers(dir)["ISC dhcpd"]
	isc.files = map[string]string{"leases": "", "conf": isc.files["conf"] + "include \"" + in("ours/hosts") + "\";\n"}
	kea := servers(dir)["Kea"]
	kea.files = map[string]string{"conf": strings.NewReplacer(
		`"id": 1,`, `"id": 1, "reservations": <?include "`+in("ours/hosts")+`"?>,`,
		`["eth0"]`, `["*"]`, // a check looks whether the interface is there
	).Replace(kea.files["conf"])}
	lines, hosts := servers(dir)["dnsmasq"], servers(dir)["dnsmasq"]
	lines.files = map[string]string{"conf": lines.files["conf"] + "conf-dir=" + in("ours") + "\n"}
	hosts.files = map[string]string{"conf": hosts.files["conf"] + "dhcp-hostsdir=" + in("ours") + "\n"}
	return map[dhcp.Format]server{dhcp.DnsmasqConfig: lines, dhcp.DnsmasqHosts: hosts, dhcp.ISCConfig: isc, dhcp.KeaConfig: kea}
}

// prepare puts a server's files and what we write into a directory.
func prepare(t *testing.T, s server, dir, ours string) {
	t.Helper()
	err := os.Mkdir(filepath.Join(dir, "ours"), 0o755)
	for name, text := range s.files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ours/hosts"), []byte(ours), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The real servers take what is written, and we read from it what was meant.
func TestServersTakeWhatIsWritten(t *testing.T) {
	t.Parallel()
	for format := range written("") {
		t.Run(fmt.Sprint(format.Server(), format), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := written(dir)[format]
			kept, _ := dhcp.Unique(awkward)
			ours := dhcp.Write(format, kept)
			checkRead(t, format, ours, kept)
			prepare(t, s, dir, ours)
			args := map[string][]string{
				"dnsmasq": {"--test", "--conf-file=" + dir + "/conf"}, "kea-dhcp4": {"-t", dir + "/conf"},
				"dhcpd": {"-t", "-cf", dir + "/conf", "-lf", dir + "/leases"},
			}
			cmd := exec.Command(lab.RequireProgram(t, s.program), args[s.program]...)
			cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR=none")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s\n%s", err, out, ours)
			}
		})
	}
}

// A client that we lease an address to gets that from the server beside us,
// although it lies outside of what the server gives out.
func TestServersGiveWhatIsWritten(t *testing.T) {
	t.Parallel()
	for format := range written("") {
		t.Run(fmt.Sprint(format.Server(), format), func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			client := lab.RequireProgram(t, "udhcpc")
			dir := t.TempDir()
			s := written(dir)[format]
			lab.RequireProgram(t, s.program)
			lan := f.LAN()
			guest := f.Host(lan)
			kept, _ := dhcp.Unique([]dhcp.Reservation{{Addr: netip.MustParseAddr("10.0.0.150"), MAC: guest.MAC, Name: "web"}})
			prepare(t, s, dir, dhcp.Write(format, kept))
			s.start(t, f.Host(lan, "10.0.0.1/24"), dir)
			if said := asks(t, guest, client); !strings.Contains(said, "10.0.0.150") {
				t.Errorf("the client says\n%s", said)
			}
		})
	}
}

// checkRead holds our own parser to it.
func checkRead(t *testing.T, format dhcp.Format, ours string, want []dhcp.Reservation) {
	t.Helper()
	got := dhcp.Parse(format, []byte(ours))
	if len(got.Problems) > 0 {
		t.Errorf("problems: %v\n%s", got.Problems, ours)
	}
	opts := cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.IgnoreFields(dhcp.Reservation{}, "Name"),
		cmpopts.SortSlices(func(a, b dhcp.Reservation) bool { return a.Addr.Less(b.Addr) }),
	}
	if diff := cmp.Diff(want, got.Reservations, opts); diff != "" {
		t.Errorf("reservations (-want +got):\n%s\n%s", diff, ours)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("web", "a\"; }")
	f.Fuzz(func(t *testing.T, one, two string) {
		kept, _ := dhcp.Unique([]dhcp.Reservation{reservation("10.0.0.1", "BC:24:11:00:00:01", one), reservation("10.0.0.2", "BC:24:11:00:00:02", two)})
		for format := range written("") {
			checkRead(t, format, dhcp.Write(format, kept), kept)
		}
	})
}
