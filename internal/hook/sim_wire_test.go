package hook_test

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
)

// stranger is a host on the guests' network that nobody knows of.
type stranger struct {
	mac   lease.MAC
	since time.Time
}

// window is one probe that is going on.
type window struct {
	n     *machine
	own   []lease.MAC
	asked []netip.Addr
	taken map[netip.Addr][]lease.MAC
	rival map[netip.Addr][]lease.MAC
}

// wire is a node's port on the network.
type wire struct{ *process }

// open opens vmbr0, the only bridge there is.
func (p *process) open(probe.Place) (hook.Wire, bool, error) {
	p.a.At("opens the network")
	return wire{p}, false, nil
}

func (w wire) MAC() lease.MAC { return w.n.prober }
func (w wire) Close()         {}

// Ask implements hook.Wire.
func (w wire) Ask(_ context.Context, q probe.Question) (probe.Result, error) {
	win := &window{n: w.n, own: q.Own, asked: q.Candidates, taken: map[netip.Addr][]lease.MAC{}, rival: map[netip.Addr][]lease.MAC{}}
	w.a.At("begins to probe")
	w.windows = append(w.windows, win)
	defer w.close(win)
	cut := !w.n.cable
	for i := range q.Pace.Probes {
		w.probe(win, i < q.Pace.Probes-1)
		cut = cut || !w.n.cable
		if i < q.Pace.Probes-1 {
			w.a.Sleep(q.Pace.Interval, "probes")
		}
	}
	w.a.Sleep(q.Pace.Wait, "listens")
	cut = cut || !w.n.cable
	res := probe.Result{Sent: q.Pace.Probes * len(q.Candidates)}
	for _, a := range q.Candidates {
		res.Answers = append(res.Answers, win.answer(a, cut))
	}
	return res, nil
}

// close ends a window.
func (c *cluster) close(win *window) {
	c.windows = slices.DeleteFunc(c.windows, func(w *window) bool { return w == win })
}

// probe sends one probe for each address and hears who answers. The last
// probe of a window is never lost: that all are is a matter of luck, which is
// not what is tried here.
func (w wire) probe(win *window, fickle bool) {
	for _, a := range win.asked {
		for _, m := range w.owners(a, w.n) {
			w.hear(win, win.taken, a, m, fickle)
		}
		for _, other := range w.windows {
			// Two processes that probe from one bridge don't hear each other.
			if other.n != win.n && slices.Contains(other.asked, a) && w.linked(win.n, other.n) {
				w.hear(other, other.rival, a, win.n.prober, fickle)
			}
		}
	}
}

// hear notes what reached a window, unless it was lost.
func (w wire) hear(win *window, heard map[netip.Addr][]lease.MAC, a netip.Addr, m lease.MAC, fickle bool) {
	lost := fickle && w.loss > 0 && w.a.Rand().Float64() < w.loss
	if !lost && !slices.Contains(win.own, m) && !slices.Contains(heard[a], m) {
		heard[a] = append(heard[a], m)
		slices.SortFunc(heard[a], func(x, y lease.MAC) int { return slices.Compare(x[:], y[:]) })
	}
}

// linked reports whether frames pass between two nodes.
func (c *cluster) linked(x, y *machine) bool { return x == y || x.cable && y.cable }

// owners are the hosts that answer for an address, as heard on a node.
func (c *cluster) owners(a netip.Addr, at *machine) (out []lease.MAC) {
	if s := c.strangers[a]; s != nil && at.cable {
		out = append(out, s.mac)
	}
	for _, n := range c.nodes {
		if !c.linked(n, at) {
			continue
		}
		for _, r := range n.inOrder() {
			if r.socket && r.addr == a {
				out = append(out, r.mac)
			}
		}
	}
	return out
}

func (w *window) answer(a netip.Addr, cut bool) probe.Answer {
	out := probe.Answer{Addr: a}
	switch {
	case len(w.taken[a]) > 0:
		out.Verdict, out.MACs, out.Reason = probe.Taken, w.taken[a], "answers"
	case len(w.rival[a]) > 0:
		out.Verdict, out.MACs, out.Reason = probe.Contended, w.rival[a], "probes for it"
	case cut:
		out.Verdict, out.Reason = probe.Unknown, "the bridge has no link"
	default:
		out.Verdict = probe.Free
	}
	out.Ports = make([]string, len(out.MACs))
	return out
}

// announce is what a guest does when it comes up.
func (c *cluster) announce(r *guestRun) {
	for _, w := range c.windows {
		if slices.Contains(w.asked, r.addr) && c.linked(w.n, r.n) && !slices.Contains(w.own, r.mac) && !slices.Contains(w.taken[r.addr], r.mac) {
			w.taken[r.addr] = append(w.taken[r.addr], r.mac)
		}
	}
}
