package probe

import (
	"net/netip"
	"time"
)

// sending is one planned packet: how long after the one before, and for which
// address.
type sending struct {
	after time.Duration
	addr  netip.Addr
	// Where it can be, it is asked from the guest's own MAC; see window.from.
	asGuest bool
}

// plan lays out a window's packets in rounds. off returns by how much one
// interval deviates (a random value; a fixed one in tests).
func plan(q Question, off func(jitter time.Duration) time.Duration) []sending {
	var out []sending
	gap := time.Duration(0)
	for round := range q.Pace.Probes {
		add := func(a netip.Addr) {
			out = append(out, sending{gap, a, (q.Pace.Probes-round)%2 == 0})
			gap = 0
		}
		for _, g := range q.Gateways {
			if asksGateway(round, q.Pace.Probes) {
				add(g.Addr)
			}
		}
		for _, a := range q.Candidates {
			add(a)
		}
		gap += q.Pace.Interval + off(q.Pace.Jitter)
	}
	return out
}

// GatewayProbes is how often a window asks a gateway that is silent.
const GatewayProbes = 2

// asksGateway picks the rounds that begin with the gateway: the first, and
// the one in the middle. When only the second is answered, because a switch
// port opened late, half of the candidates' probes still follow.
func asksGateway(round, rounds int) bool { return round == 0 || round == rounds/2 }

// budget keeps a port within what switches bear: Cisco's dynamic ARP
// inspection shuts one that receives over 15 ARP packets in a second. The
// zero value has spent nothing.
type budget struct {
	rest time.Time   // no round begins before
	sent []time.Time // the latest packets
}

const (
	budgetPackets = 14
	budgetPeriod  = time.Second
)

// pausedFrom keeps the next round at its distance from one that began then.
func (b *budget) pausedFrom(began time.Time) { b.rest = began.Add(budgetPeriod) }

// round is the earliest moment for a further round, which begins with n
// packets at once.
func (b *budget) round(n int) time.Time { return latest(b.rest, b.packets(n)) }

// packets is the earliest moment for n further packets.
func (b *budget) packets(n int) time.Time {
	before := len(b.sent) - 1 - max(budgetPackets-n, 0) // the youngest that must have been forgotten
	if n < 1 || before < 0 {
		return time.Time{}
	}
	return b.sent[before].Add(budgetPeriod)
}

// spend records a packet.
func (b *budget) spend(at time.Time) {
	if len(b.sent) == budgetPackets {
		b.sent = append(b.sent[:0], b.sent[1:]...)
	}
	b.sent = append(b.sent, at)
}
