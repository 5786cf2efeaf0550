package evidence

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// ProbeResult is what the wire of one segment said when it was asked for an
// address.
type ProbeResult struct {
	Segment pve.Segment
	Addr    netip.Addr
	Voices  []Responder
	Doubt   string // why silence proves nothing here; empty when it does
	Closed  bool   // the bridge has no uplink
	Sent    int    // packets
}

// Responder is one host that was heard for the address.
type Responder struct {
	MAC   pve.MAC
	Port  string // bridge port of this node behind which it sits; empty: unknown
	Asks  bool   // it only probes for the address, as one does that is about to use it
	Proxy bool   // it answers for addresses that nobody has
}

// Wire is a port to ask on.
type Wire interface {
	Ask(context.Context, probe.Question) (probe.Result, error)
	Close()
}

// Prober is how this node listens on its bridges.
type Prober struct {
	Open     func(at probe.Place) (Wire, error)
	Gateways func(bridge string, tag uint16, gateway netip.Addr) (pve.MAC, bool) // who answered before; nil: unknown
	Pace     probe.Pace
}

// Inquiry is what to ask one network in one window.
type Inquiry struct {
	Segment pve.Segment
	Addrs   []netip.Addr
	Gateway netip.Addr   // a sign of life; invalid: none is known
	Subnet  netip.Prefix // out of which addresses are asked that nobody has; invalid: unknown
}

// maxInquiries is how many networks are asked at once.
const maxInquiries = 8

// Listen asks networks side by side, which takes one probe window for up to
// three addresses. Two addresses that hardly anybody has are asked too: who
// answers for them is a proxy. What goes wrong is a doubt.
func (r Prober) Listen(ctx context.Context, ask []Inquiry) []ProbeResult {
	ask = ask[:min(len(ask), maxInquiries)]
	heard := make([][]ProbeResult, len(ask))
	var all sync.WaitGroup
	for i, q := range ask {
		all.Go(func() { heard[i] = r.listen(ctx, q) })
	}
	all.Wait()
	return slices.Concat(heard...)
}

// listen asks one network.
func (r Prober) listen(ctx context.Context, q Inquiry) []ProbeResult {
	var out []ProbeResult
	for _, a := range q.Addrs {
		out = append(out, ProbeResult{Segment: q.Segment, Addr: a})
	}
	res, err := r.ask(ctx, q)
	for i := range out {
		if err != nil {
			out[i].Doubt = err.Error()
			continue
		}
		out[i].take(res, controls(q))
	}
	return out
}

func (r Prober) ask(ctx context.Context, i Inquiry) (probe.Result, error) {
	w, err := r.Open(probe.Place{Bridge: i.Segment.Bridge, Tag: i.Segment.Tag})
	if err != nil {
		return probe.Result{}, err
	}
	defer w.Close()
	q := probe.Question{Candidates: slices.Concat(i.Addrs, controls(i)), Pace: r.Pace}
	if i.Gateway.IsValid() && !slices.Contains(i.Addrs, i.Gateway) {
		g := probe.Gateway{Addr: i.Gateway}
		if r.Gateways != nil {
			_, g.Known = r.Gateways(i.Segment.Bridge, i.Segment.Tag, i.Gateway)
		}
		q.Gateways = []probe.Gateway{g}
	}
	return w.Ask(ctx, q)
}

// take reads what a window's result says of the address. Who answers for the
// controls answers for everybody.
func (h *ProbeResult) take(res probe.Result, controls []netip.Addr) {
	h.Doubt, h.Closed, h.Sent = res.Doubt, res.Closed, res.Sent
	proxied := map[seat]int{}
	for _, a := range res.Answers {
		if a.Verdict == probe.Taken && slices.Contains(controls, a.Addr) {
			for s := range seats(a) {
				proxied[s]++
			}
		}
	}
	for _, a := range res.Answers {
		if a.Addr != h.Addr {
			continue
		}
		for i, m := range a.MACs {
			v := Responder{MAC: m, Asks: a.Verdict == probe.Contended, Proxy: proxied[seatOf(a, i)] == controlled}
			if i < len(a.Ports) {
				v.Port = a.Ports[i]
			}
			h.Voices = append(h.Voices, v)
		}
	}
}

// seat tells speakers apart: a guest's port, since a guest can speak with any
// MAC, or else a MAC.
type seat struct {
	mac  pve.MAC
	port string
}

// seatOf is the seat of one of those that answered.
func seatOf(a probe.Answer, i int) seat {
	if i < len(a.Ports) {
		if _, _, guest := pve.PortOwner(a.Ports[i]); guest {
			return seat{port: a.Ports[i]}
		}
	}
	return seat{mac: a.MACs[i]}
}

// seats are all of those that answered.
func seats(a probe.Answer) map[seat]bool {
	all := map[seat]bool{}
	for i := range a.MACs {
		all[seatOf(a, i)] = true
	}
	return all
}

// controlled is how many addresses are asked that nobody should have.
const controlled = 2

// controls picks two other addresses of the subnet, the last ones, where
// servers are rarest. In a subnet too small for that there are none.
func controls(q Inquiry) []netip.Addr {
	if !q.Subnet.IsValid() || !q.Subnet.Addr().Is4() || q.Subnet.Bits() > 28 {
		return nil
	}
	b := q.Subnet.Masked().Addr().As4()
	for i := q.Subnet.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	var out []netip.Addr
	for a := netip.AddrFrom4(b).Prev(); q.Subnet.Contains(a) && len(out) < controlled; a = a.Prev() {
		if a != q.Gateway && !slices.Contains(q.Addrs, a) {
			out = append(out, a)
		}
	}
	return out
}
