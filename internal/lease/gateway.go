package lease

import (
	"fmt"
	"net/netip"

	"pve-iplease/internal/pve"
)

// oneGateway leaves the guest one default route a family, since of two
// gateways in a container the second is an error of its network scripts. What
// an administrator wrote, on a NIC or with an address that isn't ours to
// change, comes first; then the NIC of the lowest number whose pool has a
// gateway. A line that names its gateway already keeps it unless another of
// the granted NICs has one.
func oneGateway(grants []Grant) {
	for f := range pve.IPv6 + 1 {
		var has *Grant
		for i := range grants {
			if g := &grants[i]; g.How == Guarded && g.Gateway.IsValid() && g.Want.Family == f && has == nil {
				has = g
			}
		}
		for i := range grants {
			g := &grants[i]
			switch {
			case g.Want.Family != f || g.How == Guarded || !g.Gateway.IsValid():
			case has != nil:
				g.unroute(fmt.Sprintf("net%d", has.Want.Owner.NIC))
			case g.Want.Routed && g.Want.Gateway != g.Gateway:
				g.unroute("another interface")
			default:
				has = g
			}
		}
	}
}

// unroute takes a grant's gateway away, and says so when that is news to the
// guest's config.
func (g *Grant) unroute(other string) {
	if g.Want.Gateway.IsValid() || !g.Present() {
		g.Notes = append(g.Notes, fmt.Sprintf("net%d gets no gateway, since %s has the %s default route; 'gateway none' in pool %s says so for good",
			g.Want.Owner.NIC, other, g.Want.Family, g.PoolName()))
	}
	g.Gateway, g.Want.NoGateway = netip.Addr{}, true
}
