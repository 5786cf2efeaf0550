package cli_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// built is the program itself, as it is shipped.
func built(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), program)
	if err := lab.Build(path, "", "../../hookscript"); err != nil {
		b.Fatal(err)
	}
	return path
}

// city is an estate with so many containers, and leases of a /20 for them and
// for some that are gone. The node has had starts: what the configs say is kept
// in its cache.
func city(b *testing.B, guests, leases int) *estate {
	b.Helper()
	e := newEstate(b, "pool: lan\n\tbridge vmbr0\n\tsubnet 10.9.0.0/20\n\tgateway none\n\trange 10.9.0.10-10.9.15.250\n")
	var all []lease.Lease
	a := netip.MustParseAddr("10.9.0.10")
	for i := range max(guests, leases) {
		id := pve.VMID(1000 + i)
		if i < guests {
			e.guest(id, fmt.Sprintf("guest-%d", i), a.String()+"/20")
		}
		if i < leases {
			all = append(all, boundTo(id, a))
		}
		a = a.Next()
	}
	e.lease(all...)
	time.Sleep(2100 * time.Millisecond) // what is younger is read every time
	inv := inventory.NewReader(filepath.Join(e.root, "etc/pve"), filepath.Join(e.root, "run/pve-iplease/inventory"), func() ([]netip.Prefix, error) { return nil, nil })
	if _, err := inv.Read(b.Context()); err != nil {
		b.Fatal(err)
	}
	inv.Save()
	return e
}

// Whole commands, from the start of the process to its end.
func BenchmarkCommands(b *testing.B) {
	bin := built(b)
	for _, size := range []struct{ guests, leases int }{{500, 2000}, {2000, 2000}} {
		e := city(b, size.guests, size.leases)
		for _, args := range [][]string{{"version"}, {"get", "1100"}, {"list"}, {"status"}, {"map"}, {"whohas", "1100"}} {
			b.Run(fmt.Sprintf("%s/guests=%d/leases=%d", args[0], size.guests, size.leases), func(b *testing.B) {
				var all, cpu []time.Duration
				for b.Loop() {
					cmd := exec.Command(bin, append([]string{"--root", e.root}, args...)...)
					began := time.Now()
					if out, err := cmd.Output(); len(out) == 0 {
						b.Fatal(err)
					}
					all = append(all, time.Since(began))
					cpu = append(cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
				}
				slices.Sort(cpu)
				b.ReportMetric(milliseconds(cpu[len(cpu)/2]), "cpu-ms")
				report(b, all)
			})
		}
	}
}

// report gives the median and the best, which on a busy machine says more.
func report(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(milliseconds(all[len(all)/2]), "ms-median")
	b.ReportMetric(milliseconds(all[0]), "ms-best")
	b.ReportMetric(0, "ns/op")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkWhohas measures what the command takes beyond its one window on the
// wire, on a node with 500 guests.
func BenchmarkWhohas(b *testing.B) {
	bin, e := built(b), city(b, 500, 500)
	f := lab.New(b)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Must(node.DisableIPv6())
	for i := range 500 {
		f.Must(node.AddPort("vmbr0", lab.GuestPort(pve.VMID(1000+i), 0)))
	}
	f.Stranger(lan, lab.Script{Addrs: []netip.Addr{netip.MustParseAddr("10.9.0.20")}})
	pace, _ := probe.Preset("default")
	for _, subject := range []string{"10.9.0.20", "10.9.15.200", "1100"} {
		b.Run(subject, func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				cmd := exec.Command(bin, "--root", e.root, "whohas", subject)
				began := time.Now()
				_ = node.Run(cmd) // a conflict is an exit code
				all = append(all, time.Since(began)-pace.Window())
			}
			report(b, all)
		})
	}
}
