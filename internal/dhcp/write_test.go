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
	"pve-iplease/internal/lease"
)

func reservation(addr, mac, name string) dhcp.Reservation {
	m, _ := lease.ParseMAC(mac)
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

// checks are how each server looks at a configuration, and the configuration
// that includes what we write.
func checks(dir string) map[dhcp.Server]struct {
	format  dhcp.Format
	config  string
	command []string
} {
	type check = struct {
		format  dhcp.Format
		config  string
		command []string
	}
	conf, leases := filepath.Join(dir, "conf"), filepath.Join(dir, "leases")
	return map[dhcp.Server]check{
		dhcp.Dnsmasq: {dhcp.DnsmasqConfig, "dhcp-range=10.0.0.100,10.0.0.120,1h\nconf-file=" + dir + "/ours\n", []string{"dnsmasq", "--test", "--conf-file=" + conf}},
		dhcp.ISC:     {dhcp.ISCConfig, "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.120; }\ninclude \"" + dir + "/ours\";\n", []string{"dhcpd", "-t", "-cf", conf, "-lf", leases}},
		dhcp.Kea: {dhcp.KeaConfig, fmt.Sprintf(`{"Dhcp4": {"interfaces-config": {"interfaces": []}, "lease-database": {"type": "memfile", "name": %q},
"subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": [{"pool": "10.0.0.100 - 10.0.0.120"}],
"reservations": <?include "%s/ours"?>}]}}`, leases, dir), []string{"kea-dhcp4", "-t", conf}},
	}
}

// The real servers take what is written, and we read from it what was meant.
func TestServersTakeWhatIsWritten(t *testing.T) {
	t.Parallel()
	for server := range checks("") {
		t.Run(string(server), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := checks(dir)[server]
			kept, _ := dhcp.Unique(awkward)
			ours := dhcp.Write(server, kept)
			for name, text := range map[string]string{"conf": c.config, "ours": ours, "leases": ""} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			checkRead(t, server, ours, kept)
			cmd := exec.Command(needs(t, c.command[0]), c.command[1:]...)
			cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR=none", "KEA_LOGGER_DESTINATION=stderr")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s\n%s", err, out, ours)
			}
		})
	}
}

// checkRead holds our own parser to it.
func checkRead(t *testing.T, server dhcp.Server, ours string, want []dhcp.Reservation) {
	t.Helper()
	format, text := dhcp.DnsmasqConfig, ours
	switch server {
	case dhcp.ISC:
		format = dhcp.ISCConfig
	case dhcp.Kea:
		format, text = dhcp.KeaConfig, `{"Dhcp4": {"subnet4": [{"subnet": "10.0.0.0/24", "reservations": `+ours+`}]}}`
	}
	got := dhcp.Parse(format, []byte(text))
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
		for server := range checks("") {
			checkRead(t, server, dhcp.Write(server, kept), kept)
		}
	})
}
