package probe

import (
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// crowd gathers what is heard during a sweep; like a window it has no socket:
// frames go in, answers come out.
type crowd struct {
	sweep   Sweep
	pace    SweepPace
	own     map[pve.MAC]bool
	asked   map[netip.Addr]bool
	users   map[netip.Addr][]responder
	rivals  map[netip.Addr][]responder
	gateway Sign
	poser   Sign   // who answers for it from a guest's port
	trail   *trail // nil: ports are unknown
	probing bool   // for the gateway: what it said before does not count as life

	next   []netip.Addr // to ask for in this round
	rounds int          // that will follow it
	sent   int
	told   time.Time // when progress was told last
}

func newCrowd(s Sweep, bridge pve.MAC) *crowd {
	c := &crowd{
		sweep: s, pace: s.Pace, own: map[pve.MAC]bool{bridge: true}, asked: make(map[netip.Addr]bool, len(s.Addrs)),
		users: map[netip.Addr][]responder{}, rivals: map[netip.Addr][]responder{},
	}
	for _, m := range s.Own {
		c.own[m] = true
	}
	for _, a := range s.Addrs {
		c.asked[a] = true
	}
	return c
}

// plan lists what round n asks for, when so many have been whole.
func (c *crowd) plan(n, whole int) {
	c.next = c.next[:0]
	if g := c.sweep.Gateway; g.IsValid() && !c.asked[g] && c.gateway.MAC.IsZero() {
		c.next = append(c.next, g)
	}
	for _, a := range c.sweep.Addrs {
		if n < bothAsked || len(c.users[a]) == 0 {
			c.next = append(c.next, a)
		}
	}
	c.rounds = c.pace.Rounds - whole - 1
}

// hear takes in one frame; one that cannot be read is no evidence.
func (c *crowd) hear(frame []byte) {
	said, err := parseWord(frame)
	if err != nil || c.own[said.speaker] {
		return
	}
	if c.probing && said.sender == c.sweep.Gateway && c.gateway.MAC.IsZero() {
		c.life(said, frame)
	}
	switch {
	case c.asked[said.sender]:
		note(c.users, said.sender, said.use(), c.where(frame)...)
	case said.isProbe() && c.asked[said.target]:
		note(c.rivals, said.target, responder{mac: said.speaker, deed: probesToo}, c.where(frame)...)
	}
}

// life takes in the gateway's word; see window.
func (c *crowd) life(said word, frame []byte) {
	if c.trail == nil || !c.trail.open {
		c.gateway = Sign{MAC: said.speaker}
		return
	}
	for _, p := range c.trail.of(frame) {
		s := Sign{MAC: said.speaker, Port: p.name, Outside: !p.guest()}
		if s.Outside {
			c.gateway = s
			return
		}
		c.poser = s
	}
}

// where tells by which ports a frame came in.
func (c *crowd) where(frame []byte) (names []string) {
	if c.trail == nil || !c.trail.open {
		return nil
	}
	for _, p := range c.trail.of(frame) {
		names = append(names, p.name)
	}
	return names
}

// settled is never true: a second host may answer for an address.
func (c *crowd) settled() bool { return false }

// tell reports progress, when it is time; left is what this round has to send.
func (c *crowd) tell(left int) {
	if c.sweep.Progress == nil || time.Since(c.told) < progressEvery {
		return
	}
	c.told = time.Now()
	silent := len(c.asked) - len(c.users)
	c.sweep.Progress(Progress{Sent: c.sent, Planned: c.sent + left + c.rounds*silent, Found: len(c.users)})
}

// sweeperFrom is for how many addresses a host may probe in one sweep before
// it counts as somebody who sweeps too, and wants none of them.
const sweeperFrom = 32

// found lists who was heard, by address; itself names the bridge for those that
// lie on it.
func (c *crowd) found(itself func(pve.MAC) string) []Answer {
	var out []Answer
	add := func(a netip.Addr, v Verdict, voices []responder) {
		answer := Answer{Addr: a, Verdict: v}
		answer.name(voices, itself)
		out = append(out, answer)
	}
	for a, voices := range c.users {
		add(a, Taken, voices)
	}
	sweeps := c.sweepers()
	for a, voices := range c.rivals {
		voices = slices.DeleteFunc(slices.Clone(voices), func(v responder) bool { return sweeps[v.mac] })
		if len(c.users[a]) == 0 && len(voices) > 0 {
			add(a, Contended, voices)
		}
	}
	slices.SortFunc(out, func(x, y Answer) int { return x.Addr.Compare(y.Addr) })
	return out
}

// sweepers are those who probe for very many addresses.
func (c *crowd) sweepers() map[pve.MAC]bool {
	count, found := map[pve.MAC]int{}, map[pve.MAC]bool{}
	for _, voices := range c.rivals {
		for _, v := range voices {
			if count[v.mac]++; count[v.mac] == sweeperFrom {
				found[v.mac] = true
			}
		}
	}
	return found
}
