package dhcp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// server is a real DHCP server: its program, its files in dir, and the format
// of its leases.
type server struct {
	program string
	files   map[string]string
	args    []string
	leases  string
	format  dhcp.Format
	config  string
	configs dhcp.Format
}

func servers(dir string) map[string]server {
	in := func(name string) string { return filepath.Join(dir, name) }
	return map[string]server{
		"dnsmasq": {
			program: "dnsmasq", leases: "leases", format: dhcp.DnsmasqLeases, config: "conf", configs: dhcp.DnsmasqConfig,
			files: map[string]string{
				"conf": "port=0\ninterface=eth0\nbind-interfaces\ndhcp-authoritative\nno-ping\nlog-dhcp\nuser=root\n" +
					"dhcp-range=10.0.0.219,10.0.0.220,1h\ndhcp-leasefile=" + in("leases") + "\n",
			},
			args: []string{"--keep-in-foreground", "--log-facility=-", "--pid-file=", "--conf-file=" + in("conf")},
		},
		"ISC dhcpd": {
			program: "dhcpd", leases: "leases", format: dhcp.ISCLeases, config: "conf", configs: dhcp.ISCConfig,
			files: map[string]string{
				"conf": "authoritative;\nping-check false;\ndefault-lease-time 3600;\n" +
					"subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.219 10.0.0.220; }\n",
				"leases": "",
			},
			args: []string{"-4", "-f", "-d", "--no-pid", "-cf", in("conf"), "-lf", in("leases"), "eth0"},
		},
		"Kea": {
			program: "kea-dhcp4", leases: "leases.csv", format: dhcp.KeaLeases, config: "conf", configs: dhcp.KeaConfig,
			files: map[string]string{
				"conf": fmt.Sprintf(`{"Dhcp4": { # the office
"interfaces-config": {"interfaces": ["eth0"]}, "valid-lifetime": 3600,
"lease-database": {"type": "memfile", "name": %q, "lfc-interval": 0},
"subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": [{"pool": "10.0.0.219 - 10.0.0.220"}]}] }}`, in("leases.csv")),
			},
			args: []string{"-c", in("conf")},
		},
	}
}

// Real servers give a client an address, and their files tell so.
func TestRealServers(t *testing.T) {
	t.Parallel()
	for name := range servers("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			client := lab.RequireProgram(t, "udhcpc")
			dir := t.TempDir()
			s := servers(dir)[name]
			lab.RequireProgram(t, s.program)
			lan := f.LAN()
			s.start(t, f.Host(lan, "10.0.0.1/24"), dir)
			guest := f.Host(lan)
			asks(t, guest, client)

			got := s.awaitLease(t, dir)
			if got.MAC != guest.MAC || got.Name != "printer" || !got.Active(time.Now()) {
				t.Errorf("lease %+v, want printer's with MAC %s", got, guest.MAC)
			}
			if r := s.parse(t, dir, s.config, s.configs).Ranges; len(r) != 1 || r[0] != span("10.0.0.219", "10.0.0.220") || !r[0].Contains(got.Addr) {
				t.Errorf("ranges %v, and the lease of %v", r, got.Addr)
			}
		})
	}
}

// start runs the server on a host until the test ends.
func (s server) start(t *testing.T, h *lab.Host, dir string) {
	t.Helper()
	for name, text := range s.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd := exec.Command(s.program, s.args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR=none")
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", s.program, said.String())
		}
	})
}

// asks makes a host ask for an address as a printer would, until it has one,
// and returns what the client says of it.
func asks(t *testing.T, h *lab.Host, client string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, client, "-f", "-q", "-i", "eth0", "-s", "/bin/true", "-x", "hostname:printer", "-t", "20", "-T", "1")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := h.Run(cmd); err != nil {
		t.Fatalf("%v:\n%s", err, said.String())
	}
	return said.String()
}

// awaitLease waits for the one lease in the server's file.
func (s server) awaitLease(t *testing.T, dir string) dhcp.Lease {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c := s.parse(t, dir, s.leases, s.format); len(c.Leases) == 1 && len(c.Problems) == 0 && c.Leases[0].MAC != (pve.MAC{}) {
			return c.Leases[0]
		}
	}
	t.Fatalf("no lease in %s", s.leases)
	return dhcp.Lease{Addr: netip.Addr{}}
}

func (s server) parse(t *testing.T, dir, name string, format dhcp.Format) dhcp.Contents {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return dhcp.Parse(format, data)
}
