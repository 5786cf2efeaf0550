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
}

// plan lays out a window's packets in rounds. off returns by how much one
// interval deviates (a random value; a fixed one in tests).
func plan(q Question, off func(jitter time.Duration) time.Duration) []sending {
	var out []sending
	gap := time.Duration(0)
	add := func(a netip.Addr) {
		out = append(out, sending{gap, a})
		gap = 0
	}
	for round := range q.Pace.Probes {
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

// asksGateway picks the rounds that begin with the gateway: the first, and
// the one in the middle. When only the second is answered, because a switch
// port opened late, half of the candidates' probes still follow.
func asksGateway(round, rounds int) bool { return round == 0 || round == rounds/2 }

// budget keeps a port within what switches bear: Cisco's dynamic ARP
// inspection shuts one that receives over 15 ARP packets in a second. The
// zero value has spent nothing.
type budget struct {
	began time.Time   // the last round
	sent  []time.Time // the latest packets
}

const (
	budgetPackets = 14
	budgetPeriod  = time.Second
)

// round is the earliest moment for a further round to begin.
func (b *budget) round() time.Time {
	if b.began.IsZero() {
		return time.Time{}
	}
	return b.began.Add(budgetPeriod)
}

// packet is the earliest moment for a further packet.
func (b *budget) packet() time.Time {
	if len(b.sent) < budgetPackets {
		return time.Time{}
	}
	return b.sent[len(b.sent)-budgetPackets].Add(budgetPeriod)
}

// spend records a packet.
func (b *budget) spend(at time.Time) {
	if len(b.sent) == budgetPackets {
		b.sent = append(b.sent[:0], b.sent[1:]...)
	}
	b.sent = append(b.sent, at)
}
