package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"pve-iplease/internal/pve"
)

// Sweep asks for many addresses at once, a whole network. It is for a person
// who waits: hundreds of probes in a second are more than a switch with dynamic
// ARP inspection lets pass (see budget), so a container's start uses Ask.
type Sweep struct {
	Addrs        []netip.Addr // IPv4, each once
	Gateway      netip.Addr   // a sign of life, asked too; invalid: none
	GatewayKnown bool         // it has answered on this bridge before
	Own          []pve.MAC
	Pace         SweepPace
	Progress     func(Progress) // told several times a second; nil: nobody wants to know
}

// SweepPace is how a sweep runs in time.
type SweepPace struct {
	Rate   int           // packets in a second
	Rounds int           // probes for an address that stays silent; others get two, since a second host may answer
	Gap    time.Duration // between two probes for one address, at least
	Wait   time.Duration // how long to listen after the last probe
}

// fewAddresses is up to how many a sweep affords a third round.
const fewAddresses = 4096

// SweepRate is how many packets in a second a sweep sends that isn't fast.
const SweepRate = 2000

// SweepPreset is the pace for so many addresses: SweepRate packets in a second,
// which nobody on a network notices, or, fast, as many as a /16 in five seconds
// takes. Hosts that need over 150 ms to answer are missed by a fast sweep.
func SweepPreset(addresses int, fast bool) SweepPace {
	p := SweepPace{Rate: SweepRate, Rounds: 3, Gap: 200 * time.Millisecond, Wait: 300 * time.Millisecond}
	if fast {
		p = SweepPace{Rate: 30000, Rounds: 3, Gap: 40 * time.Millisecond, Wait: 150 * time.Millisecond}
	}
	if addresses > fewAddresses {
		p.Rounds = 2
	}
	return p
}

// Duration is how long a sweep takes of so many addresses that stay silent.
func (p SweepPace) Duration(addresses int) time.Duration {
	round := time.Duration(addresses) * p.interval()
	return time.Duration(p.Rounds-1)*max(round, p.Gap) + round + p.Wait
}

// interval is the time from packet to packet.
func (p SweepPace) interval() time.Duration { return time.Second / time.Duration(max(p.Rate, 1)) }

// Progress is how far a sweep has come.
type Progress struct {
	Sent, Planned int // packets; what is planned shrinks with every answer
	Found         int // addresses
}

// Census is what a sweep found out. An address that was asked for and isn't
// among Found is free when Doubt is empty, and else it can't be told.
type Census struct {
	Found   []Answer // Taken or Contended, by address
	Doubt   string   // why silence proves nothing here; empty when it does
	Closed  bool     // the bridge has no uplink: its guests are all there is
	Gateway Sign     // of which came an answer that shows that the network is alive
	Asked   int      // addresses
	Sent    int      // packets
}

// Sweep runs a sweep. When ctx ends it returns what was found until then, with
// an error and a doubt about the rest; a sweep that makes no sense is an error
// too. Everything that was heard counts, also what nobody asked for, such as
// announcements.
func (p *Port) Sweep(ctx context.Context, s Sweep) (Census, error) {
	if err := s.check(); err != nil {
		return Census{}, err
	}
	c := newCrowd(s, p.mac)
	done, deafness := p.listenTo(filterSpec{})
	defer done()
	before := p.look()
	c.trail = p.trail(before.view)
	defer c.trail.rest()
	if f, err := program(filterSpec{}, nil); err == nil && c.trail != nil {
		c.trail.listen(f)
	}
	trouble := cmp.Or(deafness, p.rounds(ctx, c))
	if ctx.Err() != nil {
		trouble = fmt.Errorf("the sweep on %s was ended early: %w", p.name, context.Cause(ctx))
	}
	p.budget.pausedFrom(time.Now()) // a question after this waits until switches have forgotten it
	after := p.look()
	closed, doubt := p.weigh(before.view, after.view, cmp.Or(before.err, after.err, trouble))
	doubt = cmp.Or(doubt, silentGateway(s.Gateway, s.GatewayKnown && !closed, c.gateway, c.poser))
	return Census{
		Found: c.found(p.itself),
		Doubt: doubt, Closed: closed, Gateway: c.gateway, Asked: len(c.asked), Sent: c.sent,
	}, contextError(ctx, trouble)
}

// contextError is the trouble when it is the caller's doing.
func contextError(ctx context.Context, trouble error) error {
	if ctx.Err() != nil {
		return trouble
	}
	return nil
}

// check refuses what ARP cannot ask.
func (s Sweep) check() error {
	for _, a := range s.Addrs {
		if !a.Is4() {
			return fmt.Errorf("%s is no IPv4 address; ARP cannot ask for it", a)
		}
	}
	if s.Gateway.IsValid() && !s.Gateway.Is4() {
		return fmt.Errorf("gateway %s is no IPv4 address; ARP cannot ask for it", s.Gateway)
	}
	if s.Pace.Rate < 1 || s.Pace.Rounds < 1 || s.Pace.Wait <= 0 {
		return errors.New("a sweep needs a rate, at least one round, and a time to wait")
	}
	return nil
}
