package probe

import (
	"net/netip"

	"pve-iplease/internal/lease"
)

// Question is what to ask the wire in one window.
type Question struct {
	Candidates []netip.Addr // IPv4 and IPv6 side by side
	Gateways   []Gateway    // asked too, as a sign of life; at most one of each family
	Own        []lease.MAC
	Pace       Pace
}

// Gateway is a host whose answer shows that the network is alive.
type Gateway struct {
	Addr  netip.Addr
	Known bool // it has answered on this network before
}

// Verdict is what the window says of one address.
type Verdict uint8

// The verdicts. When several apply the order is Taken, Contended, Unknown,
// Free.
const (
	Unknown   Verdict = iota // silent, but an answer might not have been heard
	Free                     // silent, and an answer would have been heard
	Contended                // somebody else probes for it right now (RFC 5227 §2.1.1)
	Taken                    // somebody answers for it or announces it
)

func (v Verdict) String() string {
	return [...]string{"unknown", "free", "contended", "taken"}[v]
}

// Answer is the verdict on one candidate, with its evidence.
type Answer struct {
	Addr    netip.Addr
	Verdict Verdict
	MACs    []lease.MAC // who answers; for Contended: who probes; in order of first word
	Ports   []string    // the bridge port behind which each MAC sits, "" where unknown
	Reason  string      // a clause for a person
}

// Result is what one window found out.
type Result struct {
	Answers  []Answer                 // in the order of the candidates
	Gateways map[netip.Addr]lease.MAC // the gateways that answered
	Doubt    string                   // why silence proves nothing here; empty when it does
	Closed   bool                     // the bridge has no uplink: its guests are all there is
	Sent     int                      // packets
}

// liarFrom is for how many addresses in one window one MAC may answer before
// it counts as a proxy.
const liarFrom = 3

// Liar names a MAC that answers for three or more candidates, and the bridge
// port it sits behind: a proxy, or worse. Its answers say nothing about the
// addresses.
func (r Result) Liar() (mac lease.MAC, port string, found bool) {
	count := make(map[lease.MAC]int)
	for _, a := range r.Answers {
		if a.Verdict != Taken {
			continue
		}
		for i, m := range a.MACs {
			if count[m]++; count[m] == liarFrom {
				return m, a.Ports[i], true
			}
		}
	}
	return lease.MAC{}, "", false
}
