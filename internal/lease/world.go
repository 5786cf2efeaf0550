package lease

import (
	"net/netip"
	"time"

	"pve-iplease/internal/pve"
)

// World is everything a decision depends on beside the table: what the caller
// saw, and the time at which it asks.
type World struct {
	Now          time.Time
	Node         string // the node that asks
	Pools        Pools
	Reservations []Reservation
	Inventory    Inventory
	// Named holds infrastructure that the configuration names: such an
	// address is leased to nobody, but a guest whose config says it may keep it.
	Named   map[netip.Addr]string
	Explain bool // collect a reason for each address that is passed over
	// Alive tells of guests of this node that have a released lease whether they
	// run all the same. One that isn't there was not asked: see UnaskedError.
	Alive map[pve.VMID]bool
	// Proved are the ids of contested claims that this node has proved.
	Proved []string
}

// Want is one NIC that needs an address of one family.
type Want struct {
	Owner   pve.Owner
	Family  pve.Family
	MAC     pve.MAC
	Bridge  string
	Tag     uint16
	Closed  bool         // the bridge has no uplink: a network of this node alone
	Current netip.Prefix // what the guest's config says; invalid: no address
	Gateway netip.Addr   // likewise, gw=
	Routed  bool         // a NIC of this guest that is not ours to change has a gateway of the family
	// NoGateway is set in the want of a grant that gets none, because another
	// NIC of the guest has the family's default route.
	NoGateway bool
	Move      bool         // another address than the present one is asked for
	Fixed     bool         // the present address can't be changed now
	Until     time.Time    // set: the guest doesn't exist yet, the lease is offered until then
	Avoid     []netip.Addr // not to be tried in this run: asked already
}

// segment is where the want's lease lives according to its pool.
func (w Want) segment(node string, p *Pool) pve.Segment {
	if w.Closed {
		return pve.NewSegment(w.Bridge, w.Tag, node)
	}
	return p.Segment()
}

// How tells by which rule a grant was made.
type How uint8

// The rules, as the package's acquire.go applies them.
const (
	Fresh   How = iota // the next free address of the pool
	Renewed            // the owner's by the ledger
	Adopted            // in the guest's config, in a range, nobody's by the ledger
	Guarded            // static: in the guest's config, outside every range
	Pinned             // reserved for this guest
)

func (h How) String() string {
	return [...]string{"new lease", "renewed", "adopted", "static", "reserved"}[h]
}

// Grant is the answer to a Want: the lease as it now stands in the table and
// what the guest's config must say.
type Grant struct {
	Want          Want
	Lease         Lease
	Pool          *Pool // nil for a static address outside every pool's subnet
	How           How
	Address       netip.Prefix // with the length that the guest must use
	Gateway       netip.Addr   // invalid: none
	Former        pve.MAC      // that used the address before, if another; zero: none is known
	PreviousOwner pve.Owner    // the stopped guest that had the address until now; mostly nobody
	Prior         []Lease      // what the ledger had for the address until now, of others
	Contest       string       // why only a proof lets the guest start with it; empty: nothing
	AlsoNamed     bool         // new to the ledger, and another guest's config names it too, or may: only a proof decides
	DuplicateMAC  bool         // another guest's config names it too, and has the NIC's own MAC
	Spares        []netip.Addr // the next candidates, to be asked in the same window
	Why           string       // one clause: why this address
	Notes         []string     // what an administrator should know
	Passed        []Passed     // with World.Explain: addresses not chosen
}

// Passed is an address that was not chosen.
type Passed struct {
	Addr netip.Addr
	Why  string
}

// Keeps reports whether the guest's config stays as it is.
func (g *Grant) Keeps() bool {
	return g.How == Guarded || (g.Want.Current == g.Address && g.Want.Gateway == g.Gateway)
}

// Present reports whether the guest's config carries the granted address
// already, so that the guest may have run with it. A lease that a failed start
// left behind is not present: it was never proved.
func (g *Grant) Present() bool { return g.Want.Current.Addr() == g.Lease.Addr }

// Withdrawn reports whether the claim ends with a start that can't prove it.
func (g *Grant) Withdrawn() bool { return g.AlsoNamed || len(g.Prior) > 0 }

// Movable reports whether another address may be granted instead when a
// stranger has this one.
func (g *Grant) Movable() bool {
	return !g.Want.Fixed && g.Lease.Origin == FromPool && (!g.Present() || g.Pool == nil || !g.Pool.Fail)
}

// PoolName is the pool's name for messages, "-" without a pool.
func (g *Grant) PoolName() string {
	if g.Pool == nil {
		return "-"
	}
	return g.Pool.Name
}
