package phoenix

import (
	"net/netip"
	"slices"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Step is what an import makes of one address.
type Step struct {
	Addr    netip.Addr // invalid: the guest has no fixed address
	Becomes string     // Reserved or Excluded; empty: nothing
	For     string     // whose the address is
	Why     string     // why nothing becomes of it
}

// What becomes of an address.
const (
	Reserved = "reserved"
	Excluded = "excluded"
)

// planner goes through a site with a pools file at hand.
type planner struct {
	pools    *config.Config
	steps    []Step
	changes  []config.Change
	problems []config.Problem
	seen     map[netip.Addr]bool // there is a step for it
	excludes map[familyConfig][]string
}

// Plan makes reservations of the containers' addresses, and excludes of all
// others that lie in a pool's subnet. What the pools file has already is left
// as it is. With a problem nothing should be changed.
func Plan(s Site, pools *config.Config) ([]Step, []config.Change, []config.Problem) {
	p := &planner{pools: pools, seen: map[netip.Addr]bool{}, excludes: map[familyConfig][]string{}}
	for _, g := range s.Guests {
		p.guest(g)
	}
	for _, t := range s.Things {
		if !p.seen[t.Addr] { // a name server may be one of the guests
			p.exclude(t.Addr, t.What, "")
		}
	}
	for i := range pools.Pools {
		pool := &pools.Pools[i]
		if list := p.excludes[halfOf(pool)]; len(list) > 0 {
			slices.SortFunc(list, func(a, b string) int { return netip.MustParseAddr(a).Compare(netip.MustParseAddr(b)) })
			key := map[bool]string{false: "exclude", true: "exclude6"}[pool.Subnet.Addr().Is6()]
			p.changes = append(p.changes, config.Extend("pool", pool.Name, config.Prop{Key: key, Values: list}))
		}
	}
	slices.SortStableFunc(p.steps, func(a, b Step) int { return a.Addr.Compare(b.Addr) })
	return p.steps, p.changes, p.problems
}

func (p *planner) guest(g Guest) {
	switch a := g.Addr.Addr(); {
	case !g.Addr.IsValid() && g.IP == "":
		p.nothing(a, g.title(), "has no address")
	case !g.Addr.IsValid():
		p.nothing(a, g.title(), "has "+g.IP)
	case g.Kind == pve.VM:
		p.exclude(a, g.title(), g.Bridge)
	default:
		p.reserve(g)
	}
}

func (p *planner) nothing(a netip.Addr, whose, why string) {
	p.step(Step{Addr: a, For: whose, Why: why})
}

func (p *planner) step(s Step) {
	p.steps = append(p.steps, s)
	p.seen[s.Addr] = true
}

func (p *planner) reserve(g Guest) {
	a := g.Addr.Addr()
	pool, why := p.home(a, g.Bridge)
	if pool == nil {
		p.nothing(a, g.title(), why)
		return
	}
	for _, r := range p.pools.Reservations {
		switch {
		case r.Addr == a && r.Pins(g.Owner):
			p.nothing(a, g.title(), "reserved already")
			return
		case r.Addr == a:
			p.problems = append(p.problems, g.problem("the pools file reserves %s for somebody else; 'pve-iplease unreserve %s' ends that", a, a))
			return
		}
	}
	p.step(Step{Addr: a, Becomes: Reserved, For: g.title()})
	props := []config.Prop{{Key: "guest", Values: []string{g.VMID.String()}}}
	if g.Name != "" {
		props = append(props, config.Prop{Key: "comment", Values: []string{g.Name}})
	}
	p.changes = append(p.changes, config.Add("reservation", a.String(), props...))
}

func (p *planner) exclude(a netip.Addr, whose, bridge string) {
	pool, why := p.home(a, bridge)
	switch {
	case pool == nil:
	case slices.ContainsFunc(p.pools.Reservations, func(r lease.Reservation) bool { return r.Addr == a }):
		why = "reserved already"
	case pool.Gateway.Addr == a:
		why = "pool " + pool.Name + "'s gateway"
	case slices.ContainsFunc(pool.Excludes, func(r pve.Range) bool { return r.Contains(a) }):
		why = "excluded already"
	default:
		p.step(Step{Addr: a, Becomes: Excluded, For: whose})
		at := halfOf(pool)
		p.excludes[at] = append(p.excludes[at], a.String())
		return
	}
	p.nothing(a, whose, why)
}

// familyConfig is where a pool stands in the pools file.
type familyConfig struct {
	pool   string
	family pve.Family
}

func halfOf(p *lease.Pool) familyConfig { return familyConfig{p.Name, p.Family()} }

// home is the pool that an address belongs to, among those on a guest's bridge
// if that is known.
func (p *planner) home(a netip.Addr, bridge string) (found *lease.Pool, why string) {
	there := slices.DeleteFunc(slices.Clone(p.pools.Pools), func(o lease.Pool) bool { return bridge != "" && o.Bridge != bridge })
	if found = there.Of(lease.Key{Addr: a}); found != nil {
		return found, ""
	}
	if other := p.pools.Pools.Of(lease.Key{Addr: a}); other != nil {
		return nil, "on " + bridge + ", not " + other.Bridge
	}
	return nil, "in no pool's subnet"
}
