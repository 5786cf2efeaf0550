package hook_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// subnet is where every guest has one address: on one of its NICs, of one
// family.
type subnet struct {
	pve.Segment
	nic    int
	prefix netip.Prefix
}

// subnets: net0 has both families, net1 is in a VLAN. No two share an address.
var subnets = [...]subnet{
	{pve.Segment{Bridge: "vmbr0"}, 0, prefix("192.0.2.0/24")},
	{pve.Segment{Bridge: "vmbr0"}, 0, prefix("2001:db8::/64")},
	{pve.Segment{Bridge: "vmbr1", Tag: 20}, 1, prefix("198.51.100.0/24")},
}

func (s subnet) family() pve.Family { return pve.FamilyOf(s.prefix.Addr()) }

// host is the subnet's address number n, up to 255.
func (s subnet) host(n int) netip.Addr {
	b := s.prefix.Addr().AsSlice()
	b[len(b)-1] = byte(n)
	a, _ := netip.AddrFromSlice(b)
	return a
}

// hosts is the address number n of each subnet.
func hosts(n int) (out []netip.Addr) {
	for _, s := range subnets {
		out = append(out, s.host(n))
	}
	return out
}

// subnetOf finds the subnet of an address that is in one.
func subnetOf(a netip.Addr) subnet {
	return subnets[slices.IndexFunc(subnets[:], func(s subnet) bool { return s.prefix.Contains(a) })]
}

func keyOf(a netip.Addr) lease.Key { return lease.Key{Segment: subnetOf(a).Segment, Addr: a} }

// poolsOf is a pool in each subnet, of the same few numbers, that all nodes
// share.
func poolsOf(first, last int) config.Config {
	c := config.Config{Named: map[netip.Addr]string{}}
	for _, s := range subnets {
		c.Pools = append(c.Pools, lease.Pool{
			Name: fmt.Sprintf("net%d", s.nic), Bridge: s.Bridge, VLAN: s.Tag, NICs: pve.NICs(0).With(s.nic),
			Subnet: s.prefix, Gateway: lease.Gateway{Addr: s.host(1)}, Hold: 24 * time.Hour, Strategy: lease.First,
			Ranges: []pve.Range{{First: s.host(first), Last: s.host(last)}},
		})
	}
	return c
}

// macOn is the MAC of one of a guest's NICs.
func macOn(id pve.VMID, nic int) pve.MAC {
	m := macOf(id)
	m[3] += byte(nic)
	return m
}

// container is a config as Proxmox writes it, which names these addresses.
func container(id pve.VMID, named ...netip.Addr) string {
	return addressed(fmt.Sprintf(`arch: amd64
hookscript: local:snippets/pve-iplease
hostname: ct%s
net0: name=eth0,bridge=vmbr0,hwaddr=%s,type=veth
net1: name=eth1,bridge=vmbr1,hwaddr=%s,tag=20,type=veth
ostype: debian
`, id, macOn(id, 0), macOn(id, 1)), named...)
}

// addressed is a config that names these addresses too.
func addressed(text string, addrs ...netip.Addr) string {
	conf := guest.Parse(pve.Container, []byte(text))
	for _, a := range addrs {
		s := subnetOf(a)
		next, err := conf.Set(s.nic, guest.Addr{Prefix: netip.PrefixFrom(a, s.prefix.Bits())})
		if err != nil {
			return text
		}
		conf = next
	}
	return string(conf.Bytes())
}

// renamed is a config with another guest's MACs.
func renamed(text string, from, to pve.VMID) string {
	for _, s := range subnets {
		text = strings.ReplaceAll(text, macOn(from, s.nic).String(), macOn(to, s.nic).String())
	}
	return text
}
