package cli

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// survey is what setup finds out about one network of this node.
type survey struct {
	*look
	opt     setupOptions
	segment pve.Segment
	others  []string // bridges that it could have been
	uplinks []string // that the host's configuration gives the bridge

	subnet   netip.Prefix // invalid: unknown
	gateway  netip.Addr   // invalid: unknown
	none     bool         // there shall be no gateway
	existing *lease.Pool  // that serves this network already

	offers   []probe.Offer
	deaf     string // why nobody can say whether there are DHCP servers
	swept    evidence.Survey
	claims   []evidence.Claim
	proposal evidence.Proposal
	room     bool // there is a proposal
}

// newSurvey finds the network to look at, without sending anything.
func newSurvey(h *hook.Host, o setupOptions) (*survey, error) {
	v := &survey{look: newLook(h), opt: o}
	if err := v.findBridge(); err != nil {
		return nil, err
	}
	if err := v.findNetwork(); err != nil {
		return nil, err
	}
	v.findPool()
	return v, nil
}

// place reads vmbr0, or vmbr0.20.
func (v *survey) place() string { return v.segment.String() }

// file is the pools file, as the host calls it.
func (v *survey) file() string {
	if v.host.Settings.Pools != "" && v.host.Node.Path(v.host.Settings.Pools) == v.host.PoolsFile {
		return v.host.Settings.Pools
	}
	return v.host.PoolsFile
}

// findBridge takes the bridge that was named, or the one that the gateway is
// behind, or the first with an address, or the first.
func (v *survey) findBridge() error {
	addresses, err := evidence.BridgeAddresses()
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(addresses)), func(n string) bool { return strings.HasPrefix(n, "fwbr") })
	if v.opt.bridge != "" {
		if v.segment, err = parseSegment(v.opt.bridge); err != nil {
			return err
		}
		if !slices.Contains(names, v.segment.Bridge) {
			return fmt.Errorf("this node has no bridge %s; it has %s", report.Clean(v.segment.Bridge), listed(names))
		}
	} else {
		rank := func(n string) int {
			switch {
			case v.routeVia(n).IsValid():
				return 0
			case len(addresses[n]) > 0:
				return 1
			}
			return 2
		}
		slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
		if len(names) == 0 {
			return fmt.Errorf("this node has no bridge; make one in Proxmox, under the node's System, Network")
		}
		v.segment, v.others = pve.NewSegment(names[0], 0), names[1:]
	}
	v.uplinks = v.host.Node.DeclaredUplinks(v.segment.Bridge)
	if len(addresses[v.segment.Bridge]) > 0 && v.segment.Tag == 0 {
		v.subnet = addresses[v.segment.Bridge][0].Masked()
	}
	return nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// routeVia is the default gateway behind a device: the kernel's, or else what
// /etc/network/interfaces says.
func (v *survey) routeVia(device string) netip.Addr {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return netip.Addr{}
	}
	routes, _ := netlink.RouteList(link, netlink.FAMILY_V4)
	for _, r := range routes {
		if gw, ok := netip.AddrFromSlice(r.Gw); ok && (r.Dst == nil || r.Dst.IP.IsUnspecified()) {
			return gw.Unmap()
		}
	}
	return v.host.Node.DeclaredNetwork(device).Gateway
}

// findNetwork knows what was given, else what the bridge has, else what it is
// configured for. What is missing then, an offer may tell.
func (v *survey) findNetwork() (err error) {
	declared := v.host.Node.DeclaredNetwork(v.segment.Bridge)
	switch {
	case v.opt.subnet != "":
		if v.subnet, err = parseSubnet(v.opt.subnet); err != nil {
			return err
		}
	case !v.subnet.IsValid() && declared.Addr.IsValid() && v.segment.Tag == 0:
		v.subnet = declared.Addr.Masked()
	}
	switch gw := v.routeVia(v.segment.Bridge); {
	case v.opt.gateway == "none":
		v.none = true
	case v.opt.gateway != "":
		if v.gateway, err = netip.ParseAddr(v.opt.gateway); err != nil || !v.gateway.Is4() {
			return usagef("--gateway %q is no IPv4 address; write one, or none", report.Clean(v.opt.gateway))
		}
	case v.subnet.Contains(gw):
		v.gateway = gw
	}
	return nil
}

func parseSubnet(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() || p != p.Masked() || p.Bits() < 8 || p.Bits() > 30 {
		return netip.Prefix{}, usagef("%q is no IPv4 network from /8 to /30; write one like 10.0.0.0/24", report.Clean(s))
	}
	return p, nil
}

// findPool finds the pool that serves the network already.
func (v *survey) findPool() {
	for i := range v.Pools {
		p := &v.Pools[i]
		if p.Serves(v.Node, v.segment.Bridge, v.segment.Tag) && p.Family() == pve.IPv4 && (!v.subnet.IsValid() || p.Subnet.Overlaps(v.subnet)) {
			v.existing, v.subnet = p, p.Subnet
			if p.Gateway.Addr.IsValid() {
				v.gateway = p.Gateway.Addr
			}
			return
		}
	}
}

// explore asks for DHCP servers and for every address, side by side when the
// network is known, and reads everything else.
func (v *survey) explore(ctx context.Context) error {
	asked := make(chan struct{})
	go func() {
		v.discover(ctx)
		close(asked)
	}()
	if !v.subnet.IsValid() {
		<-asked
		v.believeOffers()
	}
	err := v.sweep(ctx)
	<-asked
	if err != nil {
		return err
	}
	v.believeOffers()
	gather, cancel := deadline(ctx, v.host)
	defer cancel()
	v.gather(gather)
	v.Now = v.host.Env.Now()
	if v.unread() {
		v.swept.Doubt = "the ledger or the guests' configs can't be read"
	}
	v.weigh()
	return ctx.Err()
}

// discoverer is a wire that can ask for DHCP servers.
type discoverer interface {
	Discover(context.Context, time.Duration) ([]probe.Offer, error)
}

func (v *survey) discover(ctx context.Context) {
	w, _, err := v.host.Open(probe.Place{Bridge: v.segment.Bridge, Tag: v.segment.Tag})
	if err != nil {
		v.deaf = err.Error()
		return
	}
	defer w.Close()
	if d, ok := w.(discoverer); ok {
		if v.offers, err = d.Discover(ctx, probe.OfferPatience); err != nil {
			v.deaf = err.Error()
		}
	}
}

// believeOffers takes from an offer what nobody else knows.
func (v *survey) believeOffers() {
	for _, o := range v.offers {
		if !v.subnet.IsValid() && o.Bits >= 8 && o.Bits <= 30 {
			v.subnet = netip.PrefixFrom(o.Addr, o.Bits).Masked()
		}
		if !v.gateway.IsValid() && !v.none && v.subnet.IsValid() && v.subnet.Contains(o.Gateway) {
			v.gateway = o.Gateway
		}
	}
}

// mostSwept is the largest network that setup asks for as a whole: a /20.
const mostSwept = 1 << 12

func (v *survey) sweep(ctx context.Context) (err error) {
	if !v.subnet.IsValid() {
		return nil
	}
	t := target{segment: v.segment, subnet: v.subnet, gateway: v.gateway, ranges: []pve.Range{hosts(v.subnet)}}
	if size4(v.subnet) > mostSwept {
		v.swept.Doubt = fmt.Sprintf("%s is too large to ask for all of it; 'pve-iplease scan' asks for a part", v.subnet)
		return nil
	}
	q := t.inquiry()
	v.swept, err = v.ear(lease.Key{}).Sweep(ctx, q, probe.SweepPreset(len(q.Addrs), false), nil)
	return err
}

// weigh finds out what is free.
func (v *survey) weigh() {
	if !v.subnet.IsValid() {
		return
	}
	v.claims = v.Claims(hosts(v.subnet), v.swept.Heard)
	if v.gateway.IsValid() {
		v.claims = append(v.claims, evidence.Claim{Range: pve.Range{First: v.gateway, Last: v.gateway}, Why: "it is the gateway", Ours: true})
	}
	for _, o := range v.offers {
		v.claims = append(v.claims, evidence.Claim{Range: pve.Range{First: o.Addr, Last: o.Addr}, Why: "the DHCP server " + o.Server.String() + " offers it"})
	}
	v.proposal, v.room = evidence.Propose(hosts(v.subnet), v.claims)
}

// inUse counts the single addresses that somebody has.
func (v *survey) inUse() (answering, others int) {
	heard := map[netip.Addr]bool{}
	for _, h := range v.swept.Heard {
		heard[h.Addr] = true
	}
	seen := map[netip.Addr]bool{}
	for _, c := range v.claims {
		if c.First == c.Last && !heard[c.First] && !seen[c.First] {
			seen[c.First] = true
		}
	}
	return len(heard), len(seen)
}
