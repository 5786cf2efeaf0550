package cli

import (
	"os"
	"path/filepath"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// glance is what the configs say of one guest. Reading those of all takes a
// hundred times as long, and scripts ask for one guest's address often.
func glance(h *hook.Host, id pve.VMID) lease.Inventory {
	inv := lease.Inventory{Guests: map[pve.VMID]lease.Guest{}, Complete: true}
	nodes, err := os.ReadDir(h.Node.Path("/etc/pve/nodes"))
	if err != nil {
		return lease.Inventory{}
	}
	for _, n := range nodes {
		for folder, kind := range map[string]pve.Kind{"lxc": pve.Container, "qemu-server": pve.VM} {
			data, err := os.ReadFile(h.Node.Path(filepath.Join("/etc/pve/nodes", n.Name(), folder, id.String()+".conf")))
			switch {
			case err == nil:
				inv.Guests[id] = lease.Guest{Kind: kind, VMID: id, Node: n.Name(), Name: guest.Parse(kind, data).Hostname()}
			case !os.IsNotExist(err):
				inv.Complete = false
			}
		}
	}
	return inv
}
