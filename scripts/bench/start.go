package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lab"
)

// startSuite is the reason why anybody would want pve-iplease, or not.
func startSuite() suite {
	return suite{
		name:     "start",
		title:    "Time to a conflict-checked address",
		question: "How long does a container's start wait for an address that nobody uses?",
		labels:   []string{"occupied", "by"},
		columns: []column{
			spread("address, ms", "found"),
			middle("end", "ended"),
			middle("packets", "packets"),
			share("really free", "free", "tried"),
		},
		notes: []string{
			fmt.Sprintf("a pool of %d addresses, %s-%s, in a /24; hosts at a random part of them answer ARP and ping; another part in each run, the same for all",
				poolSize, poolFirst, span(poolFirst, poolSize)[poolSize-1]),
			"address: from the start of the process to the address being written into net0, bound by the DHCP client's script, or known; end: to the end of the process",
			"pve-iplease starts with an empty ledger each time; dnsmasq is new each time and pings an address before it offers it, but no more than six in half a minute",
			"ping loop: 'ping -c1 -W1' of one address after the other until one is silent; arping loop: the same with 'arping -D -c2'; fping and nmap sweep the pool, then the first silent address is taken",
			"packets: sent by the node, and of DHCP by the server, too",
			"really free: nobody had the address that was found; nothing but pve-iplease keeps two starts at once from finding the same one",
		},
		blocks: startBlocks,
		charts: startCharts,
	}
}

var (
	startNode = netip.MustParsePrefix("10.0.0.2/24")
	gateway   = netip.MustParsePrefix("10.0.0.1/24")
	poolFirst = netip.MustParseAddr("10.0.0.10")
)

const poolSize = 200

func startPools(preset string) string {
	return fmt.Sprintf("pool: lan\n\tbridge %s\n\tsubnet %s\n\tgateway %s\n\trange %s-%s\n\tprobe %s\n",
		bridge, gateway.Masked(), gateway.Addr(), poolFirst, span(poolFirst, poolSize)[poolSize-1], preset)
}

func startBlocks(b *bench) []block {
	var all []block
	parts := []int{0, 50, 95}
	if b.quick {
		parts = parts[1:2]
	}
	for _, part := range parts {
		c := &crowd{part: part}
		all = append(all, block{
			name:   fmt.Sprintf("%d %% occupied", part),
			open:   func(later *cleanup) ([]row, error) { return c.open(b, later) },
			before: c.before,
		})
	}
	return all
}

// crowd is a pool of which a part is occupied by strangers.
type crowd struct {
	*site
	part     int // in per cent
	occupied []netip.Addr
	watcher  *watcher
	router   *lab.Host // the gateway, and the DHCP server
}

func (c *crowd) open(b *bench, later *cleanup) ([]row, error) {
	var err error
	if c.site, err = b.newSite(later, startNode, startPools("default")); err != nil {
		return nil, err
	}
	if c.router, err = c.lan.Host(lab.RandomMAC(), gateway); err != nil {
		return nil, err
	}
	later.add(c.router.Close)
	if err := c.router.DisableIPv6(); err != nil {
		return nil, err
	}
	if c.watcher, err = c.watch(later); err != nil {
		return nil, err
	}
	return slices.Concat(c.ours(), c.dhcp(), c.scripts()), nil
}

// before occupies another part of the pool.
func (c *crowd) before(turn int) error {
	all := span(poolFirst, poolSize)
	rand.New(rand.NewPCG(uint64(turn), uint64(c.part))).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c.occupied = all[:c.part*poolSize/100]
	return c.occupy(c.occupied, lab.Script{Echo: true})
}

func (c *crowd) row(by string, peer string, measure func() (sample, error)) row {
	r := row{labels: []string{fmt.Sprintf("%d %%", c.part), by}, measure: func(int) (sample, error) { return measure() }}
	if peer != "" {
		_, r.missing = lookUp(peer)
	}
	return r
}

// judged is a sample of an address that was found.
func (c *crowd) judged(found netip.Addr, at, end float64, packets uint64) sample {
	s := sample{"found": at, "ended": end, "packets": float64(packets), "tried": 1, "free": 1}
	if slices.Contains(c.occupied, found) {
		s["free"] = 0
	}
	return s
}

// ours are pve-iplease's rows, one a preset.
func (c *crowd) ours() (rows []row) {
	for _, preset := range []string{"fast", "default", "careful"} {
		rows = append(rows, c.row("pve-iplease, "+preset, "", func() (sample, error) { return c.lease(preset) }))
	}
	return rows
}

const startID = 101

// lease starts a container that has no address yet.
func (c *crowd) lease(preset string) (sample, error) {
	for _, prepare := range []func() error{
		c.forgetLeases,
		func() error { return c.tree.WritePools(startPools(preset)) },
		func() error { return c.container(startID, "manual") },
		c.watcher.drain,
	} {
		if err := prepare(); err != nil {
			return nil, err
		}
	}
	s, err := c.hooked(c.watcher, startID)
	if err != nil {
		return nil, err
	}
	found, err := c.leased(startID)
	if err != nil {
		return nil, err
	}
	return c.judged(found, s.found, ms(s.wall), s.sent), nil
}

func startCharts(results []result) []chart {
	return []chart{{
		file:  "start",
		title: "Time to a conflict-checked address",
		x:     axis{label: "part of the pool that is occupied, per cent", ticks: []float64{0, 50, 95}},
		y:     axis{label: "milliseconds", log: true},
		series: lines(results, "found", func(r result) (string, float64, bool) {
			var part float64
			_, err := fmt.Sscanf(r.labels[0], "%g", &part)
			return r.labels[1], part, err == nil
		}),
	}}
}

// trimmed is the first word of what a program printed.
func trimmed(out string) string {
	if f := strings.Fields(out); len(f) > 0 {
		return f[0]
	}
	return ""
}
