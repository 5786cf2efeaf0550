package lease

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// State is where a lease stands in its life.
type State uint8

// The states. A Conflicted record has no owner: it keeps everybody away from
// an address that a stranger was seen to use.
const (
	Bound State = iota
	Released
	Offered
	Conflicted
)

var stateNames = [...]string{"bound", "released", "offered", "conflicted"}

func (s State) String() string { return stateNames[s] }

// ParseState reads what String wrote.
func ParseState(s string) (State, error) {
	for i, name := range stateNames {
		if s == name {
			return State(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a lease's state; the states are %q", s, stateNames)
}

// Origin tells who chose the address.
type Origin uint8

// The origins: a pool (ours to move), an administrator's hand in the guest's
// config, outside every range (ours to guard, not to move), a reservation.
const (
	FromPool Origin = iota
	Static
	Reserved
)

var originNames = [...]string{"pool", "static", "reserved"}

func (o Origin) String() string { return originNames[o] }

// ParseOrigin reads what String wrote.
func ParseOrigin(s string) (Origin, error) {
	for i, name := range originNames {
		if s == name {
			return Origin(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a lease's origin; the origins are %q", s, originNames)
}

// Claim says which run of which program took a lease. Its time is kept twice:
// At for people, Up to be compared with the start of processes on the same
// boot of the same node, whatever happens to the clock.
type Claim struct {
	ID   string        // random, names this claim in the whole cluster
	Node string        // node that claimed
	Boot string        // that node's boot, 8 hex digits of its boot id
	Up   time.Duration // since that boot, CLOCK_BOOTTIME, in steps of 10 ms
	At   time.Time     // wall clock, whole seconds

	Foreseen bool // it is for a start that is yet to come; the ledger never has such a claim
}

// Key is what can be owned: an address on a segment.
type Key struct {
	Segment pve.Segment
	Addr    netip.Addr
}

// Lease is one record of the ledger.
type Lease struct {
	Key
	Owner  pve.Owner // zero in state Conflicted
	Origin Origin
	State  State
	Claim  Claim
	Gen    uint64     // the ledger's generation when the record last changed
	Since  time.Time  // when State began, whole seconds
	Until  time.Time  // Offered: kept for the owner until then
	MAC    pve.MAC    // the owner's NIC, or the stranger's in state Conflicted
	Port   string     // Conflicted: where the stranger was heard, as pve1:eno1; empty: not known
	Was    netip.Addr // what the guest's config said when the lease was claimed, if another address

	Unproven bool // started without proof on the wire
	// Contested: somebody else had the address, named it or was heard with it, and
	// the claim is unproved. Its proof is on the claim's node, see World.Proved;
	// the mark goes with the owner's next write.
	Contested bool
	// Vouched are those whose configs may name the address at an administrator's
	// word, the owner first; nobody vouches for most.
	Vouched []pve.Owner
	Freed   bool      // Released by hand: the hold is over
	Missing time.Time // when the guest was first seen to be on no node; zero: it exists

	// Extra holds what a newer version wrote beside the fields above, in the
	// ledger's encoding; it survives a rewrite by this version.
	Extra []byte
}

// Same reports whether two records say the same.
func (l *Lease) Same(o *Lease) bool {
	return l.Key == o.Key && l.Owner == o.Owner && l.Origin == o.Origin && l.State == o.State && l.Claim == o.Claim &&
		l.Gen == o.Gen && l.Since == o.Since && l.Until == o.Until && l.MAC == o.MAC && l.Port == o.Port && l.Was == o.Was &&
		l.Unproven == o.Unproven && l.Contested == o.Contested && slices.Equal(l.Vouched, o.Vouched) && l.Freed == o.Freed && l.Missing == o.Missing && bytes.Equal(l.Extra, o.Extra)
}

// Living reports whether the record gives its owner a right to the address.
func (l *Lease) Living() bool { return l.State != Conflicted }

// NodeInfo is what the ledger knows of a node that has written to it.
type NodeInfo struct {
	Version string    // of the program that wrote last
	Probers []pve.MAC // the last addresses that this node's probes were sent from
}
