package lab

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"

	"pve-iplease/internal/pve"
)

// Script says how a stranger behaves. The zero value of each field is good
// behaviour; the fields combine.
type Script struct {
	MAC   pve.MAC      // zero: a random one
	Addrs []netip.Addr // what it answers for
	All   bool         // it answers for every address: a proxy, or a liar

	Mute      bool          // it never replies
	Delay     time.Duration // from a request to the reply
	Ignore    int           // how many requests for an address it misses first
	Loss      float64       // part of the requests that it misses, 0 to 1
	Seed      uint64        // of the losses
	Broadcast bool          // its replies go to everybody
	Garbage   bool          // it answers with malformed frames only
	Rotate    bool          // each reply comes from another MAC
	Cache     bool          // it answers only what is sent to everybody, as a switch with ARP suppression
	Mirror    bool          // it sends every request for its addresses back as it was, as a loop does
	VLAN      uint16        // its frames carry this 802.1Q tag
	Six       bool          // it answers neighbour solicitations, too, for what is IPv6 (RFC 4861)
	Echo      bool          // it answers pings, too (ICMP, RFC 792), whatever else the script says

	Announce time.Duration // it announces its addresses this often (gratuitous ARP)
	Probe    time.Duration // it probes for its addresses this often (RFC 5227 §2.1.1)
}

// Stranger is a host on the LAN that consists of its ARP alone, or of neighbour
// discovery beside it. It costs no
// namespace, so a LAN can have thousands.
type Stranger struct {
	MAC    pve.MAC
	script Script
	hub    *hub

	mu    sync.Mutex
	mute  bool
	seen  map[netip.Addr]int
	loss  *rand.Rand
	stops []func()
}

// Stranger puts a scripted host on the LAN.
func (l *LAN) Stranger(s Script) (*Stranger, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.openHub(); err != nil {
		return nil, err
	}
	if s.Echo {
		if err := l.hub.pings(l.sw); err != nil {
			return nil, err
		}
	}
	if s.Six {
		if err := l.hub.solicits(l.sw); err != nil {
			return nil, err
		}
	}
	if s.MAC.IsZero() {
		s.MAC = RandomMAC()
	}
	st := &Stranger{
		MAC: s.MAC, script: s, hub: l.hub, mute: s.Mute,
		seen: make(map[netip.Addr]int),
		loss: rand.New(rand.NewPCG(s.Seed, s.Seed)),
	}
	l.hub.add(st)
	st.every(s.Announce, st.announce)
	st.every(s.Probe, st.probe)
	return st, nil
}

// SetMute turns replies off and on: a gateway that stops answering.
func (s *Stranger) SetMute(mute bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute = mute
}

// Asked tells how many requests for the address have reached the stranger.
func (s *Stranger) Asked(a netip.Addr) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[a]
}

// Leave takes the stranger off the LAN.
func (s *Stranger) Leave() {
	s.hub.remove(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stop := range s.stops {
		stop()
	}
	s.stops = nil
}

// hear is called with every ARP request that the stranger may answer.
func (s *Stranger) hear(request *arp.Packet, whole []byte) {
	toAll := bytes.Equal(whole[:len(s.MAC)], ethernet.Broadcast)
	if s.script.Cache && !toAll || !s.answers(request.TargetIP) {
		return
	}
	frame := s.reply(request)
	if s.script.Mirror {
		frame = whole
	}
	if s.script.Delay == 0 {
		s.hub.send(frame)
		return
	}
	time.AfterFunc(s.script.Delay, func() { s.hub.send(frame) })
}

// answers decides whether the script lets this request be answered.
func (s *Stranger) answers(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[a]++
	lost := s.loss.Float64() < s.script.Loss
	return !s.mute && !lost && s.seen[a] > s.script.Ignore
}

// announce says for each address that it is in use (RFC 5227 §2.3).
func (s *Stranger) announce() {
	for _, a := range s.script.Addrs {
		s.hub.send(s.frame(arp.OperationRequest, a, pve.MAC{}, a))
	}
}

// Shout announces its addresses n times, as fast as it can.
func (s *Stranger) Shout(n int) {
	for range n {
		s.announce()
	}
}

// probe asks for each address as a host does that is about to use it.
func (s *Stranger) probe() {
	for _, a := range s.script.Addrs {
		s.hub.send(s.frame(arp.OperationRequest, netip.IPv4Unspecified(), pve.MAC{}, a))
	}
}

// every calls f now and again after each period, until the stranger leaves.
func (s *Stranger) every(period time.Duration, f func()) {
	if period <= 0 {
		return
	}
	f()
	ticker, done := time.NewTicker(period), make(chan struct{})
	s.stops = append(s.stops, func() { ticker.Stop(); close(done) })
	go func() {
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	}()
}
