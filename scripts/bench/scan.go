package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/lab"
)

// scanSuite is for those who look for hosts today, with whatever they have.
func scanSuite() suite {
	return suite{
		name:     "scan",
		title:    "Who is on the network",
		question: "How long does it take to find every host of a network, and are they found?",
		labels:   []string{"network", "by"},
		columns: []column{
			stoppable("time, s", "seconds"),
			middle("packets", "packets"),
			share("found", "found", "there"),
			total("found wrongly", "wrong"),
		},
		notes: []string{
			"time: of the whole process; packets: sent by the node",
			"found: of the hosts that are there, in all runs together; found wrongly: addresses that nobody has",
			fmt.Sprintf("hosts answer ARP and ping at once; what takes over %d s is stopped by Ctrl-C, and has found what it has told until then", fullLimit/time.Second),
			"each tool as it comes, and tuned to wait no longer than 150 ms, as scan --fast does; in a /16 what takes more than ten seconds is run up to three times, what is stopped once",
		},
		blocks: scanBlocks,
		charts: scanCharts,
	}
}

// town is a network in which some addresses are occupied.
type town struct {
	name    string
	network netip.Prefix
	hosts   int
}

// fullLimit is how long a tool may take, and quickLimit in a quick run.
const (
	fullLimit  = 120 * time.Second
	quickLimit = 10 * time.Second
)

func towns(b *bench) []town {
	all := []town{
		{"/24, 200 hosts", netip.MustParsePrefix("10.9.0.0/24"), 200},
		{"/24, nobody", netip.MustParsePrefix("10.9.0.0/24"), 0},
		{"/22, 300 hosts", netip.MustParsePrefix("10.9.0.0/22"), 300},
		{"/16, 1000 hosts", netip.MustParsePrefix("10.9.0.0/16"), 1000},
	}
	if b.quick {
		return all[:1]
	}
	return all
}

func scanBlocks(b *bench) []block {
	var all []block
	for _, t := range towns(b) {
		all = append(all, block{name: t.name, open: func(later *cleanup) ([]row, error) { return t.open(b, later) }})
	}
	return all
}

func (t town) open(b *bench, later *cleanup) ([]row, error) {
	own := t.network.Addr().Next()
	s, err := b.newSite(later, netip.PrefixFrom(own, t.network.Bits()), "")
	if err != nil {
		return nil, err
	}
	there := evenly(t.network, t.hosts)
	if err := s.occupy(there, lab.Script{Echo: true}); err != nil {
		return nil, err
	}
	limit := fullLimit
	if b.quick {
		limit = quickLimit
	}
	var rows []row
	for _, tl := range tools() {
		r := row{labels: []string{t.name, tl.by}, missing: tl.missing()}
		r.most, r.cold = tl.most(t.network)
		r.measure = func(int) (sample, error) {
			c, err := tl.sweep(s, t.network, limit)
			return c.sample(there, own), err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// most is how often a tool is run that takes long in a large network, and
// whether the run that warms up is left out.
func (t tool) most(network netip.Prefix) (runs int, cold bool) {
	if network.Bits() > 16 {
		return 0, false
	}
	switch t.by {
	case "pve-iplease scan":
		return 3, true
	case "nmap -sn", "arp-scan", "fping -g", "fping -g -r0 -t150 -i1":
		return 1, true
	}
	return 0, false
}

// evenly spreads n addresses over a network, from the second host on: the
// first asks.
func evenly(network netip.Prefix, n int) []netip.Addr {
	first := network.Addr().Next().Next()
	size := 1<<(32-network.Bits()) - 3
	hosts := span(first, size)
	var all []netip.Addr
	for i := range n {
		all = append(all, hosts[i*size/n])
	}
	return all
}

func (c census) sample(there []netip.Addr, own netip.Addr) sample {
	right, wrong := tally(c.found, there, own)
	s := sample{
		"seconds": c.wall.Seconds(), "packets": float64(c.sent),
		"found": float64(right), "there": float64(len(there)), "wrong": float64(wrong),
	}
	if c.stopped {
		s["stopped"] = 1
	}
	return s
}

// stoppable is spread, but says which runs were stopped before their end.
func stoppable(head, key string) column {
	of := spread(head, key)
	return column{head, func(all []sample) string {
		stopped := int(sum(pick(all, "stopped")))
		switch {
		case stopped == 0:
			return of.show(all)
		case stopped == len(all):
			return "stopped after " + number(quantile(pick(all, key), 0.5))
		}
		return fmt.Sprintf("%s, %d stopped", of.show(all), stopped)
	}}
}

// total is a column with a sum of all runs.
func total(head, key string) column {
	return column{head, func(all []sample) string {
		values := pick(all, key)
		if len(values) == 0 {
			return "-"
		}
		return number(sum(values))
	}}
}

func scanCharts(results []result) []chart {
	var names []string
	for _, r := range results {
		if !slices.Contains(names, r.labels[0]) {
			names = append(names, r.labels[0])
		}
	}
	return []chart{{
		file:  "scan",
		title: "Who is on the network",
		x:     axis{label: "network", names: names},
		y:     axis{label: "seconds", log: true},
		series: lines(results, "seconds", func(r result) (string, float64, bool) {
			return r.labels[1], float64(slices.Index(names, r.labels[0])), true
		}),
	}}
}
