package probe

import (
	"net/netip"

	"pve-iplease/internal/pve"
)

// Question is what to ask the wire in one window.
type Question struct {
	Candidates []netip.Addr // IPv4 and IPv6 side by side
	Gateways   []Gateway    // asked too, as a sign of life; at most one of each family
	// Own are the MACs of the guest that is about to start: who claims an
	// address with one of them is its twin, or only repeats what it once said.
	Own []pve.MAC
	// Gone names the devices by which the guest's previous run was plugged in,
	// once that is over: only then can be asked who speaks in its name. Empty:
	// it may still be stopping.
	Gone []string
	Pace Pace
}

// Gateway is a host whose answer shows that the network is alive.
type Gateway struct {
	Addr  netip.Addr
	Known bool // it has answered on this network before, from outside of this node
	// Guests are those that are known to be the gateway: its answer counts
	// when it comes from the port of one.
	Guests []pve.VMID
}

// Sign is an answer of a gateway.
type Sign struct {
	MAC     pve.MAC
	Port    string // of the bridge, by which it came in; empty: unknown
	Outside bool   // that port leads out of this node
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
	MACs    []pve.MAC // who answers; for Contended: who probes; in order of first word
	Ports   []string  // the bridge port behind which each MAC sits, "" where unknown
	Reason  string    // a clause for a person
	Twin    bool      // Taken by who answers for one of the guest's own MACs
	// Hearsay says that somebody claims it with one of the guest's own MACs who
	// did not, or not yet, answer when he was asked himself.
	Hearsay bool
}

// Result is what one window found out.
type Result struct {
	Answers  []Answer            // in the order of the candidates
	Gateways map[netip.Addr]Sign // the gateways whose answer shows that the network is alive
	Posers   map[netip.Addr]Sign // who answered for a gateway from the port of a guest that isn't known to be it
	Missed   []netip.Addr        // known gateways that were silent although nothing else is amiss
	Doubt    string              // why silence proves nothing here; empty when it does
	Closed   bool                // the bridge has no uplink: its guests are all there is
	Sent     int                 // packets
}
