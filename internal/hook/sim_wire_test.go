package hook_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// stranger is a host on one of the guests' networks that nobody knows of.
type stranger struct {
	mac   pve.MAC
	since time.Time
}

// window is one probe that is going on.
type window struct {
	n      *machine
	on     pve.Segment
	own    []pve.MAC // of the guest that is about to start
	mine   []pve.MAC // that it is asked from
	asked  []netip.Addr
	taken  map[netip.Addr][]word
	rival  map[netip.Addr][]word
	routes map[netip.Addr]probe.Sign // gateways that are heard
	posers map[netip.Addr]probe.Sign
	self   map[netip.Addr]word // claimed with one of the guest's own
	twin   map[netip.Addr]bool // by who answered when he was asked himself
}

// word is what somebody says, and the port of the node by which it comes.
type word struct {
	mac  pve.MAC
	port string
}

// outside is the port by which all comes that is not of the node itself.
const outside = "eno1"

// wire is a node's port on a network.
type wire struct {
	*process
	on     pve.Segment
	prober pve.MAC
	guest  pve.MAC // asks in turn with the prober, by a port like its own; zero: none
}

// open opens a network. A VLAN is asked through a port like the one that the
// guest will have, with the guest's own address and its stand-in if there is one.
func (p *process) open(at probe.Place) (hook.Wire, bool, error) {
	p.a.At("opens", at.Bridge)
	w := wire{process: p, on: pve.NewSegment(at.Bridge, at.Tag), prober: p.n.prober}
	if at.Tag != 0 && !at.MAC.IsZero() {
		w.prober, w.guest = at.MAC.StandIn(), at.MAC
	}
	return w, false, nil
}

func (w wire) MAC() pve.MAC { return w.prober }
func (w wire) Close()       {}

// Ask implements hook.Wire.
func (w wire) Ask(_ context.Context, q probe.Question) (probe.Result, error) {
	win := &window{
		n: w.n, on: w.on, own: q.Own, mine: []pve.MAC{w.prober, w.guest}, asked: q.Candidates,
		taken: map[netip.Addr][]word{}, rival: map[netip.Addr][]word{}, self: map[netip.Addr]word{}, twin: map[netip.Addr]bool{},
		routes: map[netip.Addr]probe.Sign{}, posers: map[netip.Addr]probe.Sign{},
	}
	w.a.At("begins to probe", w.on.Bridge)
	w.windows = append(w.windows, win)
	defer w.close(win)
	began := time.Now()
	for i := range q.Pace.Probes {
		if i == 0 || i == q.Pace.Probes/2 {
			w.seekGateways(win, q.Gateways)
		}
		w.probe(win, q.Pace.Probes-i)
		if i < q.Pace.Probes-1 {
			w.a.Sleep(q.Pace.Interval, "probes")
		}
	}
	w.a.Sleep(q.Pace.Wait, "listens")
	if len(q.Gone) > 0 && len(win.self) > 0 {
		w.accost(win)
	}
	res := probe.Result{Sent: q.Pace.Probes * len(q.Candidates), Gateways: win.routes, Posers: win.posers}
	res.Missed, res.Doubt = w.doubt(win, q.Gateways, began)
	for _, a := range q.Candidates {
		res.Answers = append(res.Answers, win.answer(a, res.Doubt))
	}
	return res, nil
}

// doubt is why silence proves nothing, and which gateways were missed.
func (w wire) doubt(win *window, gateways []probe.Gateway, began time.Time) (missed []netip.Addr, doubt string) {
	if w.n.cutOff(w.on.Bridge, began) {
		return nil, "the bridge has no link"
	}
	for _, g := range gateways {
		if _, heard := win.routes[g.Addr]; g.Known && !heard {
			missed, doubt = append(missed, g.Addr), "the gateway is silent"
		}
	}
	if doubt == "" && w.n.muted(w.on.Bridge, began) {
		w.n.fooled[w.on.Bridge] = time.Now() // nothing in the world tells of it
	}
	return missed, doubt
}

// seekGateways asks for the gateways. What a guest of this node says is no sign
// of life; who says it elsewhere can't be told from the gateway.
func (w wire) seekGateways(win *window, gateways []probe.Gateway) {
	for _, g := range gateways {
		if w.routers && w.n.passes(w.on.Bridge) {
			win.routes[g.Addr] = probe.Sign{MAC: routerMAC, Port: outside, Outside: true}
		}
		for _, h := range w.hostiles {
			if !h.plays || h.on.Bridge != w.on.Bridge || !linked(w.on.Bridge, h.n, w.n) {
				continue
			}
			s := probe.Sign{MAC: h.mac, Port: h.port(w.n), Outside: h.n != w.n}
			if _, heard := win.routes[g.Addr]; !heard && (s.Outside || slices.Contains(g.Guests, hostileID)) {
				win.routes[g.Addr] = s
			} else if !s.Outside {
				win.posers[g.Addr] = s
			}
		}
	}
}

// close ends a window.
func (c *cluster) close(win *window) {
	c.windows = slices.DeleteFunc(c.windows, func(w *window) bool { return w == win })
}

// probe sends one probe for each address and hears who answers. The last
// probe of a window is never lost: that all are is a matter of luck, which is
// not what is tried here. It is sent by the prober; one before in turn by the
// guest's own MAC, whose twin then can't answer.
func (w wire) probe(win *window, left int) {
	from := w.prober
	if left%2 == 0 && !w.guest.IsZero() {
		from = w.guest
	}
	lost := func() bool { return left > 1 && w.loss > 0 && w.a.Rand().Float64() < w.loss }
	for _, a := range win.asked {
		k := lease.Key{Segment: w.on, Addr: a}
		for _, said := range w.owners(k, w.n) {
			if said.mac != from && !lost() {
				win.says(a, said)
			}
		}
		if m, ok := w.caches[k]; ok && w.n.links[w.on.Bridge].up {
			win.says(a, word{m, outside})
		}
		for _, other := range w.windows {
			if w.reaches(other) && slices.Contains(other.asked, a) && !lost() {
				other.wants(a, word{from, outside})
			}
		}
		w.disturb(win, a)
	}
}

// accost asks those who spoke in the guest's own name themselves: caches don't
// answer that.
func (w wire) accost(win *window) {
	w.a.Sleep(time.Second, "asks the twin itself")
	for _, a := range win.asked {
		if self, ok := win.self[a]; ok {
			win.twin[a] = slices.ContainsFunc(w.owners(lease.Key{Segment: w.on, Addr: a}, w.n), func(o word) bool { return o.mac == self.mac })
		}
	}
}

// reaches reports whether what is sent is heard in a window. Two processes that
// probe from one bridge don't hear each other, but those with ports of their
// own do.
func (w wire) reaches(win *window) bool {
	return win.on == w.on && (win.n != w.n || w.prober != w.n.prober) && linked(w.on.Bridge, win.n, w.n)
}

// says notes who claims an address.
func (w *window) says(a netip.Addr, said word) {
	if slices.Contains(w.own, said.mac) {
		w.self[a] = said
		return
	}
	hear(w.taken, a, said)
}

// wants notes who probes for an address, but for the guest that is asked for.
func (w *window) wants(a netip.Addr, said word) {
	if !slices.Contains(w.own, said.mac) && !slices.Contains(w.mine, said.mac) {
		hear(w.rival, a, said)
	}
}

// hear notes who was heard of an address.
func hear(heard map[netip.Addr][]word, a netip.Addr, said word) {
	if !slices.Contains(heard[a], said) {
		heard[a] = append(heard[a], said)
		slices.SortFunc(heard[a], func(x, y word) int { return bytes.Compare(x.mac[:], y.mac[:]) })
	}
}

// owners are the hosts that answer for an address, as heard on a node.
func (c *cluster) owners(k lease.Key, at *machine) (out []word) {
	if s := c.strangers[k]; s != nil && at.passes(k.Segment.Bridge) {
		out = append(out, word{s.mac, outside})
	}
	for r, a := range c.living() {
		if a.Key == k && !r.mute && linked(k.Segment.Bridge, r.n, at) {
			out = append(out, word{a.mac, r.port(a.nic, at)})
		}
	}
	return out
}

// port is where a guest's frames come in on a node.
func (r *guestRun) port(nic int, at *machine) string {
	if r.n != at {
		return outside
	}
	return fmt.Sprintf("veth%di%d", r.id, nic)
}

func (w *window) answer(a netip.Addr, doubt string) probe.Answer {
	out := probe.Answer{Addr: a, Hearsay: !w.self[a].mac.IsZero() && !w.twin[a], Twin: w.twin[a] && len(w.taken[a]) == 0}
	say := func(v probe.Verdict, said []word, reason string) {
		out.Verdict, out.Reason = v, reason
		for _, s := range said {
			out.MACs, out.Ports = append(out.MACs, s.mac), append(out.Ports, s.port)
		}
	}
	switch {
	case len(w.taken[a]) > 0:
		say(probe.Taken, w.taken[a], "answers")
	case out.Twin:
		say(probe.Taken, []word{w.self[a]}, "answers")
	case len(w.rival[a]) > 0:
		say(probe.Contended, w.rival[a], "probes for it")
	case out.Hearsay:
		say(probe.Unknown, nil, "somebody speaks with the guest's own MAC")
	case doubt != "":
		say(probe.Unknown, nil, doubt)
	default:
		say(probe.Free, nil, "")
	}
	return out
}

// announce is what a guest does when it comes up.
func (c *cluster) announce(r *guestRun) {
	for _, w := range c.windows {
		for _, a := range r.carries {
			if w.on == a.Segment && slices.Contains(w.asked, a.Addr) && linked(w.on.Bridge, w.n, r.n) {
				w.says(a.Addr, word{a.mac, r.port(a.nic, w.n)})
			}
		}
	}
}
