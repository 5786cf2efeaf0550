package evidence

import (
	"cmp"
	"slices"

	"pve-iplease/internal/firewall"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
)

// LookAtFirewall reads what Proxmox's firewall is told on this node.
func LookAtFirewall(n *node.Host, inv lease.Inventory, read ReadGuest) (f Firewall) {
	fw := n.Firewall()
	f.Cluster = noted(&f, fw.Cluster)
	f.NFTables = noted(&f, fw.NFTables)
	f.Daemon = fw.Runs(f.NFTables)
	for _, id := range noted(&f, fw.Guests) {
		g, ok := inv.Guests[id]
		if !ok || g.Node != n.Name() || g.Template {
			continue
		}
		own := Filtered{Guest: g, File: noted(&f, func() (firewall.File, error) { return fw.Guest(id) })}
		if !own.File.IPFilter && len(own.File.Sets) == 0 {
			continue
		}
		data, err := read(g)
		if err != nil {
			f.Unread = append(f.Unread, err.Error())
			continue
		}
		own.NICs = nics(guest.Parse(g.Kind, data))
		f.Guests = append(f.Guests, own)
	}
	slices.SortFunc(f.Guests, func(a, b Filtered) int { return cmp.Compare(a.VMID, b.VMID) })
	slices.Sort(f.Unread)
	return f
}

// noted reads something and keeps why it can't be read.
func noted[T any](f *Firewall, read func() (T, error)) T {
	v, err := read()
	if err != nil {
		f.Unread = append(f.Unread, err.Error())
	}
	return v
}

// nics are the interfaces that can be understood.
func nics(c guest.Config) (all []guest.NIC) {
	for _, n := range c.NICs() {
		if nic, err := c.NIC(n); err == nil {
			all = append(all, nic)
		}
	}
	return all
}
