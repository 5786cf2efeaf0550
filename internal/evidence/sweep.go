package evidence

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// Sweeper is a Wire that can ask for a whole network.
type Sweeper interface {
	Sweep(context.Context, probe.Sweep) (probe.Census, error)
}

// Survey is what one network said when it was asked for many addresses.
type Survey struct {
	Segment pve.Segment
	Heard   []ProbeResult // of the addresses that somebody was heard for, in order
	Doubt   string        // why the silence of the others proves nothing; empty when it does
	Closed  bool          // the bridge has no uplink
	Asked   int           // addresses
	Sent    int           // packets
}

// errNoSweep is for a wire of tests.
var errNoSweep = errors.New("it can't be asked for so many addresses")

// Sweep asks one network for all addresses of an inquiry, within a second for
// a /24. It goes beyond what switches with dynamic ARP inspection let pass,
// unless the pace is slow. When ctx ends, what was heard until then comes with
// the error; other trouble is a doubt.
func (r Prober) Sweep(ctx context.Context, q Inquiry, pace probe.SweepPace, tell func(probe.Progress)) (Survey, error) {
	out := Survey{Segment: q.Segment, Asked: len(q.Addrs)}
	c, err := r.sweep(ctx, q, pace, tell)
	if ctx.Err() == nil && err != nil {
		out.Doubt = err.Error()
		return out, nil
	}
	out.take(c, q)
	return out, err
}

func (r Prober) sweep(ctx context.Context, q Inquiry, pace probe.SweepPace, tell func(probe.Progress)) (probe.Census, error) {
	w, err := r.Open(probe.Place{Bridge: q.Segment.Bridge, Tag: q.Segment.Tag})
	if err != nil {
		return probe.Census{}, err
	}
	defer w.Close()
	s, ok := w.(Sweeper)
	if !ok {
		return probe.Census{}, errNoSweep
	}
	four := slices.DeleteFunc(slices.Clone(q.Addrs), func(a netip.Addr) bool { return !a.Is4() })
	ask := probe.Sweep{Addrs: append(four, sweepControls(q)...), Pace: pace, Progress: tell}
	if q.Gateway.Is4() {
		ask.Gateway = q.Gateway
		if r.Gateways != nil {
			_, ask.GatewayKnown = r.Gateways(q.Segment.Bridge, q.Segment.Tag, q.Gateway)
		}
	}
	return s.Sweep(ctx, ask)
}

// sweepControls are addresses that nobody has, asked beside a few. Of many
// that are asked most have nobody anyway.
func sweepControls(q Inquiry) []netip.Addr {
	if len(q.Addrs) >= 2*proxyFrom {
		return nil
	}
	return controls(q)
}

// take reads what a census says of the addresses that were inquired.
func (s *Survey) take(c probe.Census, q Inquiry) {
	s.Doubt, s.Closed, s.Sent = c.Doubt, c.Closed, c.Sent
	wanted := make(map[netip.Addr]bool, len(q.Addrs))
	for _, a := range q.Addrs {
		wanted[a] = true
	}
	proxies := proxies(c, sweepControls(q))
	for _, a := range c.Found {
		if !wanted[a.Addr] {
			continue
		}
		h := ProbeResult{Segment: s.Segment, Addr: a.Addr, Closed: c.Closed}
		for i, m := range a.MACs {
			h.Voices = append(h.Voices, Responder{MAC: m, Port: a.Ports[i], Asks: a.Verdict == probe.Contended, Proxy: proxies[seatOf(a, i)]})
		}
		s.Heard = append(s.Heard, h)
	}
}

// proxyFrom is for how many of the addresses that were asked for, and for what
// part of them, one host must answer to be called a proxy.
const (
	proxyFrom = 16
	proxyPart = 2 // a half
)

// proxies are the hosts that answer for everybody: for addresses that nobody
// should have, or for most that were asked for.
func proxies(c probe.Census, controls []netip.Addr) map[seat]bool {
	count, controlling, found := map[seat]int{}, map[seat]int{}, map[seat]bool{}
	for _, a := range c.Found {
		if a.Verdict != probe.Taken {
			continue
		}
		for s := range seats(a) {
			count[s]++
			if slices.Contains(controls, a.Addr) {
				controlling[s]++
			}
		}
	}
	for s, n := range count {
		found[s] = controlling[s] == controlled || n >= proxyFrom && n*proxyPart > c.Asked
	}
	return found
}

// SweepAll asks networks side by side, and returns a probe result of every address,
// also of the silent ones.
func (r Prober) SweepAll(ctx context.Context, ask []Inquiry, pace func(addresses int) probe.SweepPace) ([]ProbeResult, error) {
	heard, errs := make([][]ProbeResult, len(ask)), make([]error, len(ask))
	var all sync.WaitGroup
	for i, q := range ask {
		all.Go(func() {
			q.Addrs = slices.DeleteFunc(slices.Clone(q.Addrs), func(a netip.Addr) bool { return !a.Is4() })
			var s Survey
			s, errs[i] = r.Sweep(ctx, q, pace(len(q.Addrs)), nil)
			heard[i] = append(s.Heard, s.Silent(q.Addrs)...)
		})
	}
	all.Wait()
	return slices.Concat(heard...), errors.Join(errs...)
}

// Silent are probe results of the addresses that nobody was heard for, for those
// that judge them.
func (s Survey) Silent(addrs []netip.Addr) []ProbeResult {
	heard := map[netip.Addr]bool{}
	for _, h := range s.Heard {
		heard[h.Addr] = true
	}
	var all []ProbeResult
	for _, a := range addrs {
		if !heard[a] {
			all = append(all, ProbeResult{Segment: s.Segment, Addr: a, Doubt: s.Doubt, Closed: s.Closed})
		}
	}
	return all
}
