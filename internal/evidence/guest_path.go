package evidence

import (
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// GuestPath is where a guest's config lies, on whatever node it is.
func GuestPath(path func(string) string, g lease.Guest) string {
	folder := "lxc"
	if g.Kind == pve.VM {
		folder = "qemu-server"
	}
	return path("/etc/pve/nodes/" + g.Node + "/" + folder + "/" + g.VMID.String() + ".conf")
}
