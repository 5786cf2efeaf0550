package hook_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// built makes the program itself, not the test binary, what the host runs.
func (h *host) built(b *testing.B) *host {
	b.Helper()
	h.Must(os.Remove(filepath.Join(h.bin, program)))
	h.Must(lab.Build(filepath.Join(h.bin, program), "", "../../hookscript"))
	return h
}

// From the process's start to "net0 written", less the probe window as it was
// on the wire (its intervals are random): the work itself. What follows, which
// is mostly the kernel closing a packet socket. And beside them an empty Go
// program, from its start to its end. The other guests' configs were written
// some time ago, as nearly all are on any host.
func BenchmarkStart(b *testing.B) {
	for _, c := range []struct {
		guests int
		bits   int // of the pool's network
	}{{10, 24}, {10, 16}, {500, 24}, {500, 16}} {
		b.Run(fmt.Sprintf("guests=%d/pool=%d", c.guests, 1<<(32-c.bits)), func(b *testing.B) {
			network := netip.PrefixFrom(addr("10.9.0.0"), c.bits)
			h := newHost(b, fmt.Sprintf("pool: lan\n\tbridge vmbr0\n\tsubnet %s\n\tgateway none\n\trange %s\n", network, network)).built(b)
			for i := range c.guests - 1 { // beside the one that starts
				h.put(ct{id: pve.VMID(1000 + i), ip: fmt.Sprintf("10.8.%d.%d/16", i/250, 1+i%250)})
			}
			tap, files := h.tap(), h.watch()
			nothing, err := lab.BuildEmpty(b.TempDir())
			h.Must(err)
			h.put(ct{id: 102, ip: "manual"})
			time.Sleep(2100 * time.Millisecond) // what is younger is read at every start
			h.start(102).exits(hook.OK)
			var work, exit, empty []time.Duration
			for b.Loop() {
				began := time.Now()
				h.launch(exec.Command(nothing)).wait().exits(hook.OK)
				empty = append(empty, time.Since(began))
				h.put(ct{id: 101, ip: "manual"})
				h.rewrite(func(l *lease.Lease) bool { return l.Owner.VMID != 101 })
				files.drain()
				tap.drain()
				began = time.Now()
				r := h.launch(h.command(program, h.call(101, "pre-start")...))
				written := files.await("101.conf")
				r.wait().exits(hook.OK)
				exit = append(exit, time.Since(written))
				work = append(work, written.Sub(began)-tap.window())
			}
			b.ReportMetric(milliseconds(work), "ms-work")
			b.ReportMetric(milliseconds(exit), "ms-exit")
			b.ReportMetric(milliseconds(empty), "ms-empty-go")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// Fifty containers started at once.
func BenchmarkFiftyStarts(b *testing.B) {
	h := newHost(b, spacious).built(b)
	var all []time.Duration
	for b.Loop() {
		h.Must(os.RemoveAll(h.path(ledgerDir)))
		began := time.Now()
		for _, r := range h.crowd(101, 50) {
			r.wait().exits(hook.OK)
		}
		all = append(all, time.Since(began))
		h.distinct(101, 50)
	}
	pace, _ := probe.Preset("default")
	b.ReportMetric(milliseconds(all), "ms")
	b.ReportMetric(milliseconds(all)/milliseconds([]time.Duration{pace.Window()}), "windows")
	b.ReportMetric(0, "ns/op")
}

// Two hundred containers started at once, fifty on each node of a cluster. The
// last address is written within a window and some more.
func BenchmarkTwoHundredStarts(b *testing.B) {
	const each = 50
	c := newFederation(b, strings.ReplaceAll(vast, "probe fast", "probe default"), 4)
	c.hosts[0].built(b)         // the nodes run the same file
	time.Sleep(3 * time.Second) // the numbers of a pmxcfs that has just come up are not trusted
	id := func(node, n int) pve.VMID { return pve.VMID(1000*(node+1) + n) }
	var all []time.Duration
	for b.Loop() {
		b.StopTimer()
		c.hosts[0].Must(os.RemoveAll(c.hosts[0].path(ledgerDir)))
		time.Sleep(1100 * time.Millisecond) // the other nodes' kernels believe in the directory for a second
		for n := range each {
			for i, h := range c.hosts {
				h.put(ct{id: id(i, n), ip: "manual"})
			}
		}
		b.StartTimer()
		began := time.Now()
		var starts []*running
		for n := range each {
			for i, h := range c.hosts {
				starts = append(starts, h.launch(h.command(program, h.call(id(i, n), "pre-start")...)))
			}
		}
		for _, r := range starts {
			r.wait().exits(hook.OK)
		}
		all = append(all, time.Since(began))
		c.hosts[3].distinctIn(4 * each)
	}
	pace, _ := probe.Preset("default")
	b.ReportMetric(milliseconds(all), "ms")
	b.ReportMetric(milliseconds(all)-milliseconds([]time.Duration{pace.Window()}), "ms-beside-window")
	b.ReportMetric(0, "ns/op")
}

// milliseconds is the median.
func milliseconds(all []time.Duration) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[len(all)/2]) / float64(time.Millisecond)
}

// Four NICs, each on a bridge of its own, cost the one window of a single NIC:
// the ports are opened and asked side by side. The windows' intervals are random,
// and the longest of four is some 20 ms longer than that of one.
func BenchmarkStartNICs(b *testing.B) {
	for _, nics := range []int{1, 4} {
		b.Run(fmt.Sprintf("nics=%d", nics), func(b *testing.B) {
			var pools, more string
			for n := range nics {
				pools += fmt.Sprintf("pool: p%d\n\tbridge vmbr%d\n\tnics net%d\n\tsubnet 10.%d.0.0/24\n\tgateway none\n\trange 10.%d.0.200-10.%d.0.239\n", n, n, n, n, n, n)
				if n > 0 {
					more += nic(101, n, fmt.Sprintf("vmbr%d", n), "")
				}
			}
			h := newHost(b, pools).built(b)
			for n := 1; n < nics; n++ {
				bridge := fmt.Sprintf("vmbr%d", n)
				h.Must(h.node.AddBridge(bridge))
				_, err := h.node.Uplink(bridge, fmt.Sprintf("eno%d", n+1), h.LAN())
				h.Must(err)
			}
			files := h.watch()
			var all []time.Duration
			for b.Loop() {
				h.put(ct{id: 101, ip: "manual", more: more})
				h.rewrite(func(l *lease.Lease) bool { return l.Owner.VMID != 101 })
				files.drain()
				began := time.Now()
				r := h.launch(h.command(program, h.call(101, "pre-start")...))
				all = append(all, files.await("101.conf").Sub(began))
				r.wait().exits(hook.OK)
			}
			b.ReportMetric(milliseconds(all), "ms-written")
			b.ReportMetric(0, "ns/op")
		})
	}
}
