package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// growthSuite asks what becomes of the speed on large hosts.
func growthSuite() suite {
	return suite{
		name:     "growth",
		title:    "Growth",
		question: "How much longer does it take with more guests, larger pools, more starts at once?",
		labels:   []string{"what", "with"},
		columns: []column{
			spread("beyond window, ms", "beyond"),
			spread("whole, ms", "whole"),
			share("addresses", "addresses", "starts"),
		},
		notes: []string{
			"whole: a start from its process's start to the address in net0, of starts at once to the last address in a net0, and of list to its end",
			"beyond window: less the probe window as it was on the wire, whose intervals are random",
			"cold: the node has just booted, and remembers no guest's config; warm: it does",
			"guests: each has a lease, in a pool of 65,534 addresses; pools and starts at once: beside 10 guests",
			"addresses: how many different ones the starts got",
		},
		blocks: growthBlocks,
		charts: growthCharts,
	}
}

func growthBlocks(b *bench) (all []block) {
	guests, pools, starts := []int{10, 100, 1000, 5000}, []int{24, 20, 16}, []int{1, 10, 50, 200}
	if b.quick {
		guests, pools, starts = []int{10}, []int{24}, []int{1, 5}
	}
	for _, n := range guests {
		all = append(all, block{name: fmt.Sprintf("%d guests", n), open: func(later *cleanup) ([]row, error) { return guestRows(b, later, n) }})
	}
	for _, bits := range pools {
		all = append(all, block{name: fmt.Sprintf("a pool of a /%d", bits), open: func(later *cleanup) ([]row, error) { return poolRows(b, later, bits) }})
	}
	return append(all, block{name: "starts at once", open: func(later *cleanup) ([]row, error) { return onceRows(b, later, starts) }})
}

// host is a node whose guests all have leases.
type host struct {
	*site
	tap     *tap
	watcher *watcher
	pace    probe.Pace
	ledger  []byte // as it is when all guests but one have leases
}

// ledgerFile is where the ledger lies without a cluster.
const ledgerFile = "/etc/pve/priv/pve-iplease/ledger"

// aged is how old a guest's config must be before the program trusts what it
// remembers of it: a younger one may change once more within a clock's tick.
const aged = 2500 * time.Millisecond

func (b *bench) newHost(later *cleanup, network netip.Prefix, guests int) (*host, error) {
	h := new(host)
	self := network.Addr().Next()
	pools := fmt.Sprintf("pool: lan\n\tbridge %s\n\tsubnet %s\n\tgateway none\n\trange %s\n", bridge, network, network)
	var err error
	if h.site, err = b.newSite(later, netip.PrefixFrom(self, network.Bits()), pools); err != nil {
		return nil, err
	}
	h.pace, _ = probe.Preset("default")
	if h.tap, err = h.site.tap(later); err != nil {
		return nil, err
	}
	if h.watcher, err = h.watch(later); err != nil {
		return nil, err
	}
	addr := self.Next()
	for i := range guests {
		if err := h.container(pve.VMID(1000+i), netip.PrefixFrom(addr, network.Bits()).String()); err != nil {
			return nil, err
		}
		addr = addr.Next()
	}
	return h, h.remember(b)
}

// remember makes a ledger of the configs, as the program does when the ledger
// is damaged, and keeps it.
func (h *host) remember(b *bench) error {
	path := h.path(ledgerFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte("damaged\n"), 0o600); err != nil {
		return err
	}
	if err := h.ok(h.command("repair")); err != nil {
		return err
	}
	if !b.quick {
		time.Sleep(aged)
	}
	var err error
	h.ledger, err = os.ReadFile(path)
	return err
}

// reset makes containers that have no address yet, and the ledger one that
// knows all the others.
func (h *host) reset(starts int, cold bool) error {
	for i := range starts {
		if err := h.container(startID+pve.VMID(i), "manual"); err != nil {
			return err
		}
	}
	if err := os.WriteFile(h.path(ledgerFile), h.ledger, 0o600); err != nil {
		return err
	}
	if cold {
		if err := os.RemoveAll(h.path("/run/pve-iplease")); err != nil {
			return err
		}
	}
	h.tap.drain()
	return h.watcher.drain()
}

// start measures one start.
func (h *host) start(cold bool) (sample, error) {
	if err := h.reset(1, cold); err != nil {
		return nil, err
	}
	run, err := h.hooked(h.watcher, startID)
	if err != nil {
		return nil, err
	}
	window := ms(h.tap.span() + h.pace.Wait)
	return sample{"whole": run.found, "beyond": run.found - window}, nil
}

func (h *host) list() (sample, error) {
	s, err := h.run(h.command("list"))
	if err == nil && s.code != 0 {
		err = fmt.Errorf("exit status %d: %s", s.code, s.log)
	}
	return sample{"whole": ms(s.wall)}, err
}

func guestRows(b *bench, later *cleanup, guests int) ([]row, error) {
	h, err := b.newHost(later, netip.MustParsePrefix("10.1.0.0/16"), guests)
	if err != nil {
		return nil, err
	}
	with := grouped(strconv.Itoa(guests)) + " guests"
	return []row{
		{labels: []string{startWarm, with}, measure: func(int) (sample, error) { return h.start(false) }},
		{labels: []string{listing, with}, measure: func(int) (sample, error) { return h.list() }},
		{labels: []string{startCold, with}, measure: func(int) (sample, error) { return h.start(true) }},
	}, nil
}

// What the rows are about, in the table and the plots.
const (
	startWarm = "a start, warm"
	startCold = "a start, cold"
	listing   = "list"
	starting  = "a start"
	atOnce    = "starts at once"
)

func poolRows(b *bench, later *cleanup, bits int) ([]row, error) {
	h, err := b.newHost(later, netip.PrefixFrom(netip.MustParseAddr("10.1.0.0"), bits), 10)
	if err != nil {
		return nil, err
	}
	with := grouped(strconv.Itoa(1<<(32-bits))) + " in the pool"
	return []row{{labels: []string{starting, with}, measure: func(int) (sample, error) { return h.start(false) }}}, nil
}

func onceRows(b *bench, later *cleanup, starts []int) (rows []row, err error) {
	h, err := b.newHost(later, netip.MustParsePrefix("10.1.0.0/20"), 10)
	if err != nil {
		return nil, err
	}
	for _, n := range starts {
		rows = append(rows, row{
			labels:  []string{atOnce, strconv.Itoa(n)},
			measure: func(int) (sample, error) { return h.once(n) },
		})
	}
	return rows, nil
}

func growthCharts(results []result) []chart {
	of := func(what ...string) func(result) (string, float64, bool) {
		return func(r result) (string, float64, bool) {
			for _, w := range what {
				if r.labels[0] == w {
					x, err := strconv.ParseFloat(strings.ReplaceAll(strings.Fields(r.labels[1])[0], ",", ""), 64)
					return w, x, err == nil
				}
			}
			return "", 0, false
		}
	}
	y := axis{label: "milliseconds", log: true}
	return []chart{
		{
			file: "growth-guests", title: "More guests: a start beyond the probe window, and list",
			x: axis{label: "guests", log: true}, y: y,
			series: append(lines(results, "beyond", of(startWarm, startCold)), lines(results, "whole", of(listing))...),
		},
		{
			file: "growth-pools", title: "Larger pools: a start beyond the probe window",
			x: axis{label: "addresses in the pool", log: true}, y: y,
			series: lines(results, "beyond", of(starting)),
		},
		{
			file: "growth-starts", title: "More starts at once: until the last has its address, probe window included",
			x: axis{label: "starts", log: true}, y: y,
			series: lines(results, "whole", of(atOnce)),
		},
	}
}
