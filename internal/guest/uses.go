package guest

import (
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Uses lists every address, IPv4 and IPv6, that the config names for the
// guest itself: containers' ip= and ip6= in netN and in raw lxc.net keys, VMs'
// in ipconfigN. The segment is the bridge and tag of that interface, without
// nodes, since the file does not know where it lies; it is empty where the
// config doesn't tell. It reads loosely: a line that NIC refuses still names
// its address.
func (c Config) Uses(vmid pve.VMID) []lease.Use {
	var uses []lease.Use
	for _, s := range c.sections {
		if s.part == skipped {
			continue
		}
		start := len(uses)
		uses = c.appendRaw(c.appendUses(uses, s), s)
		for i := range uses[start:] {
			u := &uses[start+i]
			u.Where = s.part.where()
			u.Owner.Kind, u.Owner.VMID = c.kind, vmid
		}
	}
	return uses
}

// where puts the cloud-init image's values with the running ones: it is what
// the VM booted with.
func (p part) where() lease.Where {
	switch p {
	case pending:
		return lease.Pending
	case snapshot:
		return lease.Snapshot
	}
	return lease.Running
}

func (c Config) appendUses(uses []lease.Use, s section) []lease.Use {
	for _, n := range c.indexes(s, nil) {
		g := c.glimpse(s, n)
		if !g.addresses {
			continue
		}
		u := lease.Use{Owner: pve.Owner{NIC: n}, Segment: pve.Segment{Bridge: g.bridge, Tag: g.tag}}
		for _, a := range [...]netip.Addr{g.ip, g.ip6} {
			if a.IsValid() {
				u.Addr = a
				uses = append(uses, u)
			}
		}
	}
	return uses
}

// glimpse looks at an interface in one section. A VM's wiring and addresses
// are two lines, and a change that waits may touch only one of them: the other
// is then the running one.
func (c Config) glimpse(s section, n int) glimpse {
	net, _ := c.line(s, "net", n)
	if c.kind == pve.Container {
		return glimpseOf(net.value)
	}
	ipconfig, _ := c.line(s, "ipconfig", n)
	g, ip := glimpseOf(net.value), glimpseOf(ipconfig.value)
	ip.bridge, ip.tag, ip.mac = g.bridge, g.tag, g.mac
	return ip
}

// line finds an interface's line in a section, or in the running part beneath.
func (c Config) line(s section, prefix string, n int) (entry, bool) {
	e, ok := c.counting(s, prefix, n)
	if !ok && (s.part == pending || s.part == cloudinit) {
		return c.counting(c.running(), prefix, n)
	}
	return e, ok
}

// appendRaw adds the addresses that LXC itself is told to set,
// lxc.net.N.ipv4.address (lxc.container.conf(5)).
func (c Config) appendRaw(uses []lease.Use, s section) []lease.Use {
	for _, e := range c.in(s) {
		rest, ok := strings.CutPrefix(e.key, "lxc.net.")
		if !ok {
			continue
		}
		number, what, _ := strings.Cut(rest, ".")
		n, ok := index(number, "")
		if !ok || (what != "ipv4.address" && what != "ipv6.address") {
			continue
		}
		if a := anyAddr(e.value); a.IsValid() {
			uses = append(uses, lease.Use{Addr: a, Owner: pve.Owner{NIC: n}})
		}
	}
	return uses
}

// MACs lists the hardware addresses of the guest's interfaces, running and
// pending, each once, in the file's order.
func (c Config) MACs() []pve.MAC {
	var macs []pve.MAC
	c.living(func(g glimpse) {
		if !g.mac.IsZero() && !slices.Contains(macs, g.mac) {
			macs = append(macs, g.mac)
		}
	})
	return macs
}

// Gateways lists the routers that the guest's interfaces name, running and
// pending, each once: addresses that are somebody's although no guest has
// them.
func (c Config) Gateways() []netip.Addr {
	var gateways []netip.Addr
	c.living(func(g glimpse) {
		for _, a := range [...]netip.Addr{g.gw, g.gw6} {
			if a.IsValid() && !slices.Contains(gateways, a) {
				gateways = append(gateways, a)
			}
		}
	})
	return gateways
}

// living shows each interface of the running and the pending part.
func (c Config) living(see func(glimpse)) {
	for _, s := range c.sections {
		if s.part != running && s.part != pending {
			continue
		}
		for _, n := range c.indexes(s, nil) {
			see(c.glimpse(s, n))
		}
	}
}
