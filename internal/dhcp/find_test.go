package dhcp_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/dhcp"
)

// tree writes files below a fresh root directory.
func tree(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	root := t.TempDir()
	path := func(p string) string { return filepath.Join(root, p) }
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// summary is what was found: the files with their leases, and the problems.
func summary(f dhcp.Found) string {
	var b strings.Builder
	for _, file := range f.Files {
		b.WriteString(file.Path)
		for _, l := range file.Leases {
			b.WriteString(" " + l.Name)
		}
		for _, r := range file.Reservations {
			b.WriteString(" =" + r.Addr.String())
		}
		for _, r := range file.Ranges {
			b.WriteString(" " + r.String())
		}
		b.WriteString("\n")
	}
	for _, p := range f.Problems {
		b.WriteString(p.Error() + "\n")
	}
	return b.String()
}

const (
	dnsmasqLine = "0 52:54:00:12:34:56 10.0.0.219 NAME *\n"
	keaColumns  = "address,hwaddr,valid_lifetime,expire,hostname,state\n"
)

func dnsmasq(name string) string { return strings.Replace(dnsmasqLine, "NAME", name, 1) }

func kea(name string) string { return "10.0.0.219,,60,1700000000," + name + ",0\n" }

func TestFind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		extra []string
		want  string
	}{
		"nothing": {},
		"dnsmasq and what it refers to": {
			files: map[string]string{
				"/etc/dnsmasq.conf":               "dhcp-leasefile=/srv/l\nconf-dir=/srv/d,.bak\nconf-file=more.conf\ndhcp-hostsdir=/srv/h\n",
				"/etc/more.conf":                  "conf-file=/etc/dnsmasq.conf\ndhcp-range=10.0.0.1,10.0.0.2\n",
				"/srv/l":                          dnsmasq("printer"),
				"/srv/d/a.conf":                   "dhcp-host=nas,10.0.0.9\n",
				"/srv/d/b.bak":                    "dhcp-host=nas,10.0.0.10\n",
				"/srv/d/.hidden":                  "dhcp-host=nas,10.0.0.11\n",
				"/srv/h/hosts":                    "printer,10.0.0.12\n",
				"/etc/dnsmasq.d/z1/ethers":        "BC:24:11:00:00:01,10.0.0.13\n",
				"/var/lib/misc/dnsmasq.z1.leases": dnsmasq("guest"),
			},
			want: "/etc/dnsmasq.conf\n/etc/dnsmasq.d/z1/ethers =10.0.0.13\n/var/lib/misc/dnsmasq.z1.leases guest\n" +
				"/srv/l printer\n/srv/d/a.conf =10.0.0.9\n/etc/more.conf 10.0.0.1-10.0.0.2\n/srv/h/hosts =10.0.0.12\n",
		},
		"Kea before its clean-up": {
			files: map[string]string{
				"/var/lib/kea/kea-leases4.csv.2": keaColumns + kea("oldest"),
				"/var/lib/kea/kea-leases4.csv.1": keaColumns + kea("older"),
				"/var/lib/kea/kea-leases4.csv":   keaColumns,
			},
			want: "/var/lib/kea/kea-leases4.csv older\n",
		},
		"Kea after its clean-up": {
			files: map[string]string{
				"/var/lib/kea/kea-leases4.csv.completed": keaColumns + kea("cleaned"),
				"/var/lib/kea/kea-leases4.csv.1":         keaColumns + kea("older"),
				"/var/lib/kea/kea-leases4.csv":           keaColumns + kea("now"),
			},
			want: "/var/lib/kea/kea-leases4.csv now\n",
		},
		"further files": {
			files: map[string]string{
				"/srv/office":      dnsmasq("a"),
				"/srv/all/kea.csv": keaColumns + kea("b"),
				"/srv/all/what":    "hello",
			},
			extra: []string{"/srv/office", "/srv/all", "/srv/gone"},
			want: "/srv/office a\n/srv/all/kea.csv b\n/srv/all/what\n/srv/gone: no such file or directory\n" +
				"/srv/all/what: it is no file of dnsmasq, ISC dhcpd, Kea or systemd-networkd\n",
		},
		"what a config names and nobody has": {
			files: map[string]string{"/etc/dhcp/dhcpd.conf": "include \"/srv/none.conf\";\nlease-file-name \"/srv/none.leases\";\n"},
			want:  "/etc/dhcp/dhcpd.conf\n/srv/none.conf: no such file or directory\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := dhcp.Finder{Path: tree(t, c.files), Extra: c.extra}
			if diff := cmp.Diff(c.want, summary(f.Find(t.Context()))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What is no file, or too large to be one, is not waited for.
func TestFindRefuses(t *testing.T) {
	t.Parallel()
	path := tree(t, map[string]string{"/var/lib/misc/dnsmasq.huge.leases": ""})
	if err := os.Truncate(path("/var/lib/misc/dnsmasq.huge.leases"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("/var/lib/misc/dnsmasq.leases"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := "/var/lib/misc/dnsmasq.leases: it is no ordinary file\n/var/lib/misc/dnsmasq.huge.leases: it is larger than 64 MiB\n"
	if diff := cmp.Diff(want, summary(dhcp.Finder{Path: path}.Find(t.Context()))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFindEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := dhcp.Finder{Path: tree(t, nil)}.Find(ctx)
	if len(got.Files) != 0 || len(got.Problems) != 1 {
		t.Errorf("got %+v, want one problem", got)
	}
}
