package hook

import (
	"slices"

	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// uplinkPackets are what switches bear in a second, as the probe's own budget
// has it: Cisco's dynamic ARP inspection closes a port at 15.
const uplinkPackets = 14

// portion is what a NIC may ask in a window that it shares the uplink of with
// others of the guest.
type portion struct {
	spares  int  // beside the claimed address
	gateway bool // it asks the gateway, for all on the same network
}

// share splits what one uplink bears in a second among the NICs on it: first
// each claimed address and each gateway once, then spares in turn. Whatever
// doesn't fit, because there are many NICs, the budget of the uplink delays.
func share(assignments []*assignment) map[*assignment]portion {
	out := map[*assignment]portion{}
	for _, t := range assignments {
		first := !slices.ContainsFunc(assignments, func(o *assignment) bool {
			_, before := out[o]
			return before && o.asksGateway() && o.network() == t.network() && o.g.Gateway == t.g.Gateway && o.wire.blind == nil
		})
		out[t] = portion{gateway: first}
	}
	for turn := range most(assignments) {
		for _, t := range assignments {
			if p := out[t]; len(t.g.Spares) > turn && packets(assignments, out, t) <= uplinkPackets-pace(t.g.Pool).Probes {
				p.spares++
				out[t] = p
			}
		}
	}
	return out
}

// network is the segment that a NIC is plugged into, as this node has it.
func (t *assignment) network() pve.Segment { return pve.NewSegment(t.nic.Bridge, t.nic.Tag) }

// packets are those of one window on the uplink of a NIC, of the same family.
func packets(assignments []*assignment, of map[*assignment]portion, on *assignment) (n int) {
	for _, t := range assignments {
		if t.nic.Bridge != on.nic.Bridge || t.family != on.family {
			continue
		}
		n += pace(t.g.Pool).Probes * (1 + of[t].spares)
		if of[t].gateway && t.asksGateway() {
			n += probe.GatewayProbes
		}
	}
	return n
}

// most is how many spares a trial has at most.
func most(assignments []*assignment) (n int) {
	for _, t := range assignments {
		n = max(n, len(t.g.Spares))
	}
	return n
}

// asksGateway reports whether the gateway is a sign of life of the network.
func (t *assignment) asksGateway() bool {
	gw := t.g.Gateway
	return gw.IsValid() && neighbour(t.g.Address, gw) && gw != t.g.Lease.Addr
}

// lend has what the gateway's silence says of one port hold for those on the
// same network, where it was not asked again.
func lend(assignments []*assignment, of map[*assignment]portion, answers map[*port]probe.Result) {
	for _, t := range assignments {
		if of[t].gateway || !t.asksGateway() {
			continue
		}
		i := slices.IndexFunc(assignments, func(o *assignment) bool {
			return of[o].gateway && o.network() == t.network() && o.g.Gateway == t.g.Gateway
		})
		res, from := answers[t.wire], probe.Result{}
		if i >= 0 {
			from = answers[assignments[i].wire]
		}
		if res.Doubt != "" || from.Doubt == "" {
			continue
		}
		res.Doubt, res.Answers = from.Doubt, slices.Clone(res.Answers)
		for j, a := range res.Answers {
			if a.Verdict == probe.Free {
				res.Answers[j].Verdict, res.Answers[j].Reason = probe.Unknown, from.Doubt
			}
		}
		answers[t.wire] = res
	}
}
