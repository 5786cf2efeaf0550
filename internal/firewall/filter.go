package firewall

import (
	"net/netip"

	"pve-iplease/internal/guest"
)

// Pins reports whether the address filter is in force on a guest's NIC: on the
// frames that come from it only addresses of its set, or, for a container,
// those of its config are let through.
func Pins(cluster, own File, nic guest.NIC) bool {
	_, set := own.Sets[nic.Index]
	return cluster.Enable && own.Enable && nic.Firewall && (own.IPFilter || set)
}

// Prefix is what the entry lets through; not valid for an alias.
func (e Entry) Prefix() netip.Prefix {
	if p, err := netip.ParsePrefix(e.Text); err == nil {
		return p.Masked()
	}
	if a, err := netip.ParseAddr(e.Text); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.Prefix{}
}
