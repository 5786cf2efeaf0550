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

// stranger is a host on one of the guests' networks that nobody knows of.
type stranger struct {
	mac   lease.MAC
	since time.Time
}

// window is one probe that is going on.
type window struct {
	n     *machine
	on    lease.Segment
	own   []lease.MAC
	asked []netip.Addr
	taken map[netip.Addr][]lease.MAC
	rival map[netip.Addr][]lease.MAC
}

// wire is a node's port on a network.
type wire struct {
	*process
	on     lease.Segment
	prober lease.MAC
}

// open opens a network. A VLAN is asked through a port like the one that the
// guest will have, with the guest's own address if there is one.
func (p *process) open(at probe.Place) (hook.Wire, bool, error) {
	p.a.At("opens", at.Bridge)
	w := wire{p, lease.NewSegment(at.Bridge, at.Tag), p.n.prober}
	if at.Tag != 0 && !at.MAC.IsZero() {
		w.prober = at.MAC
	}
	return w, false, nil
}

func (w wire) MAC() lease.MAC { return w.prober }
func (w wire) Close()         {}

// Ask implements hook.Wire.
func (w wire) Ask(_ context.Context, q probe.Question) (probe.Result, error) {
	win := &window{n: w.n, on: w.on, own: q.Own, asked: q.Candidates, taken: map[netip.Addr][]lease.MAC{}, rival: map[netip.Addr][]lease.MAC{}}
	w.a.At("begins to probe", w.on.Bridge)
	w.windows = append(w.windows, win)
	defer w.close(win)
	began := time.Now()
	for i := range q.Pace.Probes {
		w.probe(win, i < q.Pace.Probes-1)
		if i < q.Pace.Probes-1 {
			w.a.Sleep(q.Pace.Interval, "probes")
		}
	}
	w.a.Sleep(q.Pace.Wait, "listens")
	cut := w.n.cutOff(w.on.Bridge, began)
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
	lost := func() bool { return fickle && w.loss > 0 && w.a.Rand().Float64() < w.loss }
	for _, a := range win.asked {
		for _, m := range w.owners(lease.Key{Segment: w.on, Addr: a}, w.n) {
			if !lost() {
				win.hear(win.taken, a, m)
			}
		}
		for _, other := range w.windows {
			if w.reaches(other) && slices.Contains(other.asked, a) && !lost() {
				other.hear(other.rival, a, w.prober)
			}
		}
	}
}

// reaches reports whether what is sent is heard in a window. Two processes that
// probe from one bridge don't hear each other, but those with ports of their
// own do.
func (w wire) reaches(win *window) bool {
	return win.on == w.on && (win.n != w.n || w.prober != w.n.prober) && linked(w.on.Bridge, win.n, w.n)
}

// hear notes who was heard of an address.
func (w *window) hear(heard map[netip.Addr][]lease.MAC, a netip.Addr, m lease.MAC) {
	if !slices.Contains(w.own, m) && !slices.Contains(heard[a], m) {
		heard[a] = append(heard[a], m)
		slices.SortFunc(heard[a], func(x, y lease.MAC) int { return slices.Compare(x[:], y[:]) })
	}
}

// owners are the hosts that answer for an address, as heard on a node.
func (c *cluster) owners(k lease.Key, at *machine) (out []lease.MAC) {
	if s := c.strangers[k]; s != nil && at.links[k.Segment.Bridge].up {
		out = append(out, s.mac)
	}
	for r, a := range c.living() {
		if a.Key == k && linked(k.Segment.Bridge, r.n, at) {
			out = append(out, a.mac)
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
		for _, a := range r.carries {
			if w.on == a.Segment && slices.Contains(w.asked, a.Addr) && linked(w.on.Bridge, w.n, r.n) {
				w.hear(w.taken, a.Addr, a.mac)
			}
		}
	}
}
