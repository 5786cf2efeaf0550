package hook_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// story is what happens in a seed.
func story(seed uint64) (r *rand.Rand, happens []event) {
	r = rand.New(rand.NewPCG(seed, 2))
	var names []string
	for name := range events() {
		names = append(names, name)
	}
	slices.Sort(names)
	often := []string{"start", "start", "start", "stop", "reboot", "poweroff", "migrate", "command", "command", "clone", "stop", "quorum"}
	span := time.Duration(1+r.IntN(40)) * time.Second
	for range 8 + r.IntN(16) {
		e := event{id: pve.VMID(101 + r.IntN(4)), node: r.IntN(3), net: r.IntN(len(subnets)), n: r.IntN(9), at: time.Duration(r.Int64N(int64(span)))}
		e.name = often[r.IntN(len(often))]
		if r.IntN(2) == 0 {
			e.name = names[r.IntN(len(names))]
		}
		if e.name == "days" {
			e.at = span
			span += time.Duration(e.n) * 13 * time.Hour
		}
		if e.name == "acquire" {
			e.id += 300
		}
		happens = append(happens, e)
	}
	return r, happens
}

// settings are what differs from seed to seed.
func (c *cluster) settings(r *rand.Rand) {
	for i := range c.pools.Pools {
		p := &c.pools.Pools[i]
		p.Hold = []time.Duration{0, 0, time.Minute, 24 * time.Hour, lease.Forever}[r.IntN(5)]
		p.Fail, p.Unproven = r.IntN(6) == 0, r.IntN(4) == 0
		p.Ranges[0].Last = subnets[i].host([]int{11, 13, 15, 17}[r.IntN(4)])
	}
	c.deadline = []time.Duration{30 * time.Second, 30 * time.Second, 10 * time.Minute}[r.IntN(3)]
	c.loss = []float64{0, 0, 0.05}[r.IntN(3)]
	c.flaky = []float64{0, 0, 0.02}[r.IntN(3)]
	for i, n := range c.nodes {
		n.quorate = true
		for id := range 2 {
			c.create(n, pve.VMID(101+2*i+id))
		}
	}
	c.settle()
}

// happen adds an event's actor.
func (c *cluster) happen(i int, e event) {
	a := c.Start(nil, fmt.Sprintf("event %d: %s", i, e), "", func(a *sim.Actor) {
		a.Sleep(e.at, "comes")
		events()[e.name](c, a, e)
	})
	a.Safe = true
}

// yielded is an address that was given up for who only asks for it, in the
// epilogue.
var yielded = regexp.MustCompile(`by 06:00:00:06:07:.*: not leased`)

// epilogue lets all faults end; then every guest can start that finds an
// address.
func (c *cluster) epilogue() error {
	c.loss, c.flaky, c.routers, c.hostiles = 0, 0, true, nil
	for _, n := range c.nodes { // who only asks keeps nobody from starting
		for _, s := range subnets {
			c.hostiles = append(c.hostiles, &hostile{n: n, on: s.Segment, mac: pve.MAC{6, 0, 0, 6, 7, n.prober[5]}, wants: true})
		}
	}
	clear(c.caches)
	for _, n := range c.nodes {
		n.quorate = true
		n.cable(true)
		clear(n.unreadable)
	}
	c.settle()
	c.Pass(5 * time.Minute)
	for _, id := range c.truth.ids() {
		var code int
		n := c.home(id)
		if n.runs[id] != nil {
			continue
		}
		c.Start(nil, "last start "+id.String(), n.name, func(a *sim.Actor) { code = c.start(a, n, id) })
		if err := c.Rest(); err != nil {
			return err
		}
		if e := c.watch.exits; len(e) > 0 && yielded.MatchString(e[len(e)-1].said) {
			return fmt.Errorf("CT %s gives way to who only asks (%d): %s", id, code, e[len(e)-1].said)
		}
		if code == hook.Failed || code == hook.Locked {
			e := c.watch.exits[len(c.watch.exits)-1]
			return fmt.Errorf("all is well again, and CT %s can't start (%d): %s", id, code, e.said)
		}
	}
	return nil
}
