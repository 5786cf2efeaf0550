package probe

import (
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// In an EVPN zone the bridge answers ARP for hosts that the other nodes have
// told of, and swallows every question whose sender has no address
// (net/bridge/br_arp_nd_proxy.c, neigh_suppress). Where the bridge itself has
// an address in the subnet, as the gateway of the zone, its questions pass:
// they are the same that the node asks when it routes. What other nodes have
// told is in the neighbour table.

// resident is a bridge that can tell its own addresses, and whom it knows.
type resident interface {
	addresses() ([]netip.Prefix, error)
	learned() (map[netip.Addr]pve.MAC, error)
}

// settleIn finds for a window from which addresses of the bridge to ask, when
// questions from nobody would be swallowed. It reports whether all can be
// asked.
func (p *Port) settleIn(w *window) bool {
	r, ok := p.bridge.(resident)
	if !ok || p.mac != p.bridgeMAC {
		return false
	}
	own, err := r.addresses()
	if err != nil {
		return false
	}
	for _, a := range w.question.Candidates {
		sender := sourceAddr(own, a)
		if !sender.IsValid() {
			return false
		}
		if w.senders[a] = sender; sender == a {
			note(w.users, a, responder{mac: p.mac, deed: "has it on this node"})
		}
	}
	for _, g := range w.question.Gateways {
		w.senders[g.Addr] = sourceAddr(own, g.Addr)
	}
	return true
}

// sourceAddr is the bridge's address in the subnet of another; for IPv6 the
// link-local one, from which the kernel asks too (RFC 4861 §7.2.2).
func sourceAddr(own []netip.Prefix, a netip.Addr) netip.Addr {
	i := slices.IndexFunc(own, func(p netip.Prefix) bool { return p.Contains(a) })
	if i < 0 {
		return netip.Addr{}
	}
	if a.Is4() {
		return own[i].Addr()
	}
	i = slices.IndexFunc(own, func(p netip.Prefix) bool { return p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() })
	if i < 0 {
		return netip.Addr{}
	}
	return own[i].Addr()
}

// recall adds what the other nodes have told of the candidates.
func (p *Port) recall(w *window) error {
	r, ok := p.bridge.(resident)
	if !ok || len(w.senders) == 0 {
		return nil
	}
	known, err := r.learned()
	if err != nil {
		return err
	}
	for _, a := range w.question.Candidates {
		if m := known[a]; !m.IsZero() && !w.own[m] && m != w.mine {
			note(w.users, a, responder{mac: m, deed: "has it, as another node of the EVPN zone tells"})
		}
	}
	return nil
}

// addresses implements resident.
func (b *kernelBridge) addresses() ([]netip.Prefix, error) {
	replies, err := b.ask(unix.RTM_GETADDR, unix.NLM_F_DUMP, nl.NewIfAddrmsg(unix.AF_UNSPEC))
	if err != nil {
		return nil, err
	}
	var own []netip.Prefix
	for _, r := range replies {
		if len(r) < unix.SizeofIfAddrmsg {
			return nil, errShort
		}
		msg := nl.DeserializeIfAddrmsg(r)
		if int(msg.Index) != b.index {
			continue
		}
		attrs, err := nl.ParseRouteAttr(r[unix.SizeofIfAddrmsg:])
		if err != nil {
			return nil, err
		}
		for _, a := range attrs {
			if addr, ok := netip.AddrFromSlice(a.Value); ok && attrType(a) == unix.IFA_ADDRESS {
				own = append(own, netip.PrefixFrom(addr, int(msg.Prefixlen)))
			}
		}
	}
	return own, nil
}

// learned implements resident: neighbours that a routing daemon has put into
// the table.
func (b *kernelBridge) learned() (map[netip.Addr]pve.MAC, error) {
	replies, err := b.ask(unix.RTM_GETNEIGH, unix.NLM_F_DUMP, &netlink.Ndmsg{Index: uint32(b.index)})
	if err != nil {
		return nil, err
	}
	known := map[netip.Addr]pve.MAC{}
	for _, r := range replies {
		n, err := netlink.NeighDeserialize(r)
		if err != nil || n.LinkIndex != b.index || n.Flags&netlink.NTF_EXT_LEARNED == 0 || len(n.HardwareAddr) != len(pve.MAC{}) {
			continue
		}
		if a, ok := netip.AddrFromSlice(n.IP); ok {
			known[a.Unmap()] = pve.MAC(n.HardwareAddr)
		}
	}
	return known, nil
}
