package hook

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// subject is the guest that the call is about, as its config has it now.
type subject struct {
	kind     pve.Kind
	raw      []byte
	conf     guest.Config
	requests []request // in the order of the NICs, IPv4 first
}

// request is an address that the guest must have: on one NIC, of one family.
type request struct {
	nic    guest.NIC
	family pve.Family
	owner  pve.Owner
	pools  []*lease.Pool // that serve it; none: a broken part of the configuration may have
	routed bool          // a NIC that isn't ours to change has a gateway
	until  time.Time     // set: the guest doesn't exist yet, and its lease is offered until then
	fixed  bool          // the address can't be changed for this start
}

// families are asked for in this order.
var families = [...]pve.Family{pve.IPv4, pve.IPv6}

// kind tells what the VMID names; an unknown one counts as a container.
func (r *run) kind() pve.Kind {
	if _, err := r.Guests.ReadGuest(pve.VM, r.id); err == nil {
		return pve.VM
	}
	return pve.Container
}

// guest names the guest in messages.
func (s subject) guest(id pve.VMID) string { return pve.Owner{Kind: s.kind, VMID: id}.Guest() }

// subject reads the guest's config. What there is not to lease for has been
// said.
func (r *run) subject(kind pve.Kind) (s subject, err error) {
	s.kind = kind
	if s.raw, err = r.Guests.ReadGuest(kind, r.id); err != nil {
		return s, err
	}
	s.conf = guest.Parse(kind, s.raw)
	switch name := s.guest(r.id); {
	case s.conf.Template() && r.phase != PreStart:
		return s, templateError(name)
	case s.conf.Template() && !r.foreseen: // called by hand: Proxmox doesn't come so far
		r.info("%s is a template, which never starts: nothing to do", name)
		return s, nil
	}
	nics := s.conf.NICs()
	if !slices.Contains(nics, 0) && !slices.ContainsFunc(nics, r.mayManage) {
		r.info("%s has no net0: nothing to do", s.guest(r.id))
		return s, nil
	}
	for _, n := range nics {
		if n > 0 && !r.mayManage(n) {
			continue
		}
		nic, err := s.conf.NIC(n)
		if err != nil {
			return s, fmt.Errorf("%s: %w", s.guest(r.id), err)
		}
		requests, err := r.requestsOf(s, nic)
		if err != nil {
			return s, err
		}
		s.requests = append(s.requests, requests...)
	}
	for i := range s.requests {
		s.requests[i].routed = s.routedElsewhere(s.requests[i].family)
	}
	return s, nil
}

// templateError refuses an address to a guest that can't start.
func templateError(guest string) error {
	return fmt.Errorf("%s is a template, which never starts and needs no address", guest)
}

// unattributed are the addresses on which a part of the configuration that can't be
// read at all is silent, and that the ledger knows: leased once, so a clone or
// a rolled-back guest may carry what is another's by now. What the ledger
// doesn't know is nobody's business, whatever that part said; when it can't be
// read either, any address may be one.
func (r *run) unattributed(ctx context.Context, s subject) (unattributed []request) {
	if s.conf.Template() || !slices.ContainsFunc(r.Pools.Disabled, config.Disabled.Unattributed) {
		return nil
	}
	t, lost := r.Ledger.View(ctx)
	living := func(l lease.Lease) bool { return l.Living() }
	for _, i := range s.conf.NICs() {
		nic, err := s.conf.NIC(i)
		if err != nil {
			continue
		}
		for _, f := range families {
			n := request{nic: nic, family: f, owner: pve.Owner{Kind: s.kind, VMID: r.id, NIC: i}, pools: r.serving(nic, f)}
			if len(n.pools) > 0 || r.mayBeDisabled(n) || !n.current().IsValid() {
				continue // is among the needs, or needs nothing
			}
			if lost != nil || slices.ContainsFunc(t.At(n.key(r.Env.Name)), living) {
				unattributed = append(unattributed, n)
			}
		}
	}
	return unattributed
}

// mayManage reports whether netN is the business of any pool of this node. A
// line that isn't need not even be readable.
func (r *run) mayManage(n int) bool {
	for i := range r.Pools.Pools {
		if p := &r.Pools.Pools[i]; p.NICs.Has(n) && p.Segment().On(r.Env.Name) {
			return true
		}
	}
	for _, d := range r.Pools.Disabled {
		if d.NICs.Has(n) {
			return true
		}
	}
	return false
}

// requestsOf lists what one NIC is to be leased.
func (r *run) requestsOf(s subject, nic guest.NIC) (requests []request, err error) {
	name := fmt.Sprintf("%s net%d", s.guest(r.id), nic.Index)
	served := false
	for _, f := range families {
		n := request{nic: nic, family: f, owner: pve.Owner{Kind: s.kind, VMID: r.id, NIC: nic.Index}, pools: r.serving(nic, f)}
		if len(n.pools) == 0 && !r.mayBeDisabled(n) {
			continue
		}
		served = true
		wanted, err := r.wanted(s, n, name)
		if err != nil {
			return nil, err
		}
		if wanted {
			requests = append(requests, n)
		}
	}
	if !served {
		r.info("%s: no pool serves %s on %s: left as it is", name, pve.NewSegment(nic.Bridge, nic.Tag), r.Env.Name)
	}
	return requests, nil
}

// wanted says why a NIC is left as it is, although a pool serves it.
func (r *run) wanted(s subject, n request, name string) (bool, error) {
	keep := func(p *lease.Pool) bool { return p.KeepDHCP }
	switch mode := n.mode(); {
	case mode == guest.Auto:
		r.info("%s configures its IPv6 address itself (ip6=auto): left as it is", name)
		return false, nil
	case mode == guest.DHCP && slices.ContainsFunc(n.pools, keep):
		r.info("%s uses DHCP and its pool says 'dhcp keep': left as it is", name)
		return false, nil
	case mode == guest.DHCP && s.kind == pve.Container && n.nic.HostManaged && len(n.pools) > 0:
		// Proxmox starts its own DHCP client after post-start, by what the
		// config said before the hook (PVE::LXC::vm_start).
		return false, fmt.Errorf("%s is host-managed with %s=dhcp, so Proxmox would run its own DHCP client beside the lease; set %s=manual there, or 'dhcp keep' in pool %s",
			name, n.property(), n.property(), n.pools[0].Name)
	}
	return true, nil
}

// serving are the pools that a NIC's addresses of a family come from.
func (r *run) serving(nic guest.NIC, f pve.Family) []*lease.Pool {
	return r.Pools.Pools.Serving(r.Env.Name, nic.Bridge, nic.Tag, nic.Index, f)
}

// routedElsewhere reports whether a NIC that gets nothing of the family from
// us names a gateway of it.
func (s subject) routedElsewhere(f pve.Family) bool {
	for _, i := range s.conf.NICs() {
		ours := func(n request) bool { return n.nic.Index == i && n.family == f }
		if slices.ContainsFunc(s.requests, ours) {
			continue
		}
		if nic, err := s.conf.NIC(i); err == nil && (request{nic: nic, family: f}).gateway().IsValid() {
			return true
		}
	}
	return false
}

// mode is how the config says that the NIC gets its address.
func (n request) mode() guest.IPMode {
	if n.family == pve.IPv6 {
		return n.nic.IP6
	}
	return n.nic.IP
}

// current is the address that the config names; invalid when it names none.
func (n request) current() netip.Prefix {
	switch {
	case n.mode() != guest.Static:
		return netip.Prefix{}
	case n.family == pve.IPv6:
		return n.nic.Addr6
	}
	return n.nic.Addr
}

// gateway is the one that the config names.
func (n request) gateway() netip.Addr {
	if n.family == pve.IPv6 {
		return n.nic.Gateway6
	}
	return n.nic.Gateway
}

// property is the name of the address in the NIC's line.
func (n request) property() string {
	if n.family == pve.IPv6 {
		return "ip6"
	}
	return "ip"
}

// key is what the config names, on the network of the pool that serves it;
// without one, on that of this node alone.
func (n request) key(node string) lease.Key {
	k := lease.Key{Segment: pve.NewSegment(n.nic.Bridge, n.nic.Tag, node), Addr: n.current().Addr()}
	if len(n.pools) > 0 {
		k.Segment = n.pools[0].Segment()
	}
	return k
}

// want is the need in the ledger's words.
func (n request) want(wire *port, move bool) lease.Want {
	return lease.Want{
		Owner: n.owner, Family: n.family, MAC: n.nic.MAC, Bridge: n.nic.Bridge, Tag: n.nic.Tag, Closed: wire.closed,
		Current: n.current(), Gateway: n.gateway(), Routed: n.routed, Move: move, Until: n.until, Fixed: n.fixed,
	}
}
