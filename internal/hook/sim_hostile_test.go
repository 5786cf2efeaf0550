package hook_test

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// hostile is a guest that nobody's ledger knows and that says on its network
// what it likes.
type hostile struct {
	n       *machine
	on      pve.Segment
	mac     pve.MAC
	wants   bool // it probes for whatever is asked for
	lies    bool // it answers for whatever is asked for, from another MAC each time
	plays   bool // it answers as the gateway
	answers int
}

// hostileID is the number of such a guest on each node.
const hostileID = 666

// port is where it is heard on a node.
func (h *hostile) port(at *machine) string {
	if h.n != at {
		return outside
	}
	return "veth666i0"
}

// disturb is what hostile guests say when an address is asked for.
func (w wire) disturb(win *window, a netip.Addr) {
	for _, h := range w.hostiles {
		if h.on != w.on || !linked(w.on.Bridge, h.n, w.n) {
			continue
		}
		if h.wants {
			win.wants(a, word{h.mac, h.port(w.n)})
		}
		if h.lies {
			h.answers++
			m := pve.MAC{6, 0, 0, 6, byte(h.answers >> 8), byte(h.answers)}
			w.watch.saw(carried{Key: lease.Key{Segment: w.on, Addr: a}, mac: m}) // where it can't be told from many hosts, it is marked
			win.says(a, word{m, h.port(w.n)})
		}
	}
}

// hostility is such a guest for some minutes.
func (c *cluster) hostility(a *sim.Actor, e event) {
	h := &hostile{
		n: c.nodes[e.node%len(c.nodes)], on: subnets[e.net].Segment, mac: pve.MAC{6, 0, 0, 6, 6, byte(e.node)},
		wants: e.n%3 == 0, lies: e.n%3 == 1, plays: e.n%3 == 2,
	}
	c.hostiles = append(c.hostiles, h)
	a.Sleep(time.Duration(e.n)*time.Minute, "a guest of "+h.n.name+" is hostile")
	c.hostiles = slices.DeleteFunc(c.hostiles, func(o *hostile) bool { return o == h })
}

// routerMAC is the gateway's, which is none of the nodes'.
var routerMAC = pve.MAC{6, 0, 0, 1, 1, 1}

// router turns the gateways off for a while.
func (c *cluster) router(a *sim.Actor, e event) {
	c.routers = false
	a.Sleep(time.Duration(1+e.n)*20*time.Minute, "the gateways are off")
	c.routers = true
}

// learn is a switch port that lets nothing pass for a while, although it has a
// link.
func (c *cluster) learning(a *sim.Actor, e event) {
	n, l := c.nodes[e.node%len(c.nodes)], subnets[e.net].Bridge
	n.links[l].mute = true
	a.Sleep(time.Duration(1+e.n)*3*time.Second, "the switch port of "+n.name+" learns")
	n.links[l].mute, n.links[l].loud = false, time.Now()
}

// missing is what a node remembers of a gateway; see node.Gateways.
type missing struct {
	mac    pve.MAC
	silent time.Time
	boot   string
}

func (p *process) MAC(bridge string, _ uint16, gw netip.Addr) (mac pve.MAC, due bool) {
	m, ok := p.n.gateways[gw]
	return m.mac, ok && (m.silent.IsZero() || m.boot != p.n.boot() || time.Since(m.silent) < time.Hour)
}

func (p *process) Learn(_ string, _ uint16, gw netip.Addr, m pve.MAC, port string) (was pve.MAC) {
	if port != outside {
		p.watch.fail("%s learns its gateway from the port %q", p.n.name, port)
	}
	if was = p.n.gateways[gw].mac; was == m {
		was = pve.MAC{}
	}
	p.n.gateways[gw] = missing{mac: m}
	return was
}

func (p *process) Missed(_ string, _ uint16, gw netip.Addr) {
	m := p.n.gateways[gw]
	if m.silent.IsZero() || m.boot != p.n.boot() {
		m.silent, m.boot = time.Now(), p.n.boot()
	}
	p.n.gateways[gw] = m
}
