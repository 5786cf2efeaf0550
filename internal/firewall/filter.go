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

// State is what decides whether, and by what, a guest is pinned.
type State struct {
	Cluster, Own File
	NFTables     bool // the rules are made by proxmox-firewall
	Runs         bool // pve-firewall does
}

// Lacks reports whether a NIC has a set of its own, without an alias, that does
// not let an address through.
func (f File) Lacks(nic int, a netip.Addr) bool {
	entries, own := f.Sets[nic]
	in := false
	for _, e := range entries {
		switch p := e.Prefix(); {
		case !p.IsValid():
			return false
		case p.Contains(a) && e.Not:
			return true
		case p.Contains(a):
			in = true
		}
	}
	return own && !in
}
