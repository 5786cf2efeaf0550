package hook

import (
	"bytes"
	"fmt"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// LXC is what Proxmox keeps of a container for LXC, beside its config.
type LXC interface {
	ReadConfig(pve.VMID) ([]byte, error)
	WriteConfig(pve.VMID, []byte) error
	IgnoresNetwork(pve.VMID) bool
}

// outreach says what keeps the leased addresses from the guest's interfaces.
func (r *run) outreach(s subject, assignments []*assignment) {
	if s.kind == pve.VM {
		return
	}
	inside := false // Proxmox writes files inside the container
	for _, t := range assignments {
		inside = inside || !t.nic.HostManaged
		if t.nic.LinkDown {
			r.info("CT %s net%d has link_down: the address waits for the link", r.id, t.nic.Index)
		}
	}
	switch {
	case !inside:
	case s.conf.OSType() == "unmanaged":
		r.warn(lease.Grant{}, "CT %s has the ostype unmanaged: Proxmox writes no network files into it, so it must be told its address inside", r.id)
	case r.LXC.IgnoresNetwork(r.id):
		r.warn(lease.Grant{}, "CT %s has a file .pve-ignore.interfaces: Proxmox writes no network files into it, so it must be told its address inside", r.id)
	}
}

// syncLXCConfig changes what Proxmox has generated for LXC from the config as it
// was: of a host-managed NIC LXC sets the address, and not the container. undo
// takes it back. It comes before the config, since it can be taken back
// whatever happens to /etc/pve. A crash between the two ends the start, and the
// next one generates the file anew from the config.
func (r *run) syncLXCConfig(assignments []*assignment) (undo func() error, err error) {
	undo = func() error { return nil }
	addrs := map[int][]guest.Addr{}
	for _, t := range assignments {
		if t.nic.HostManaged && t.owner.Kind == pve.Container {
			addrs[t.nic.Index] = append(addrs[t.nic.Index], guest.Addr{Prefix: t.g.Address, Gateway: t.g.Gateway})
		}
	}
	if len(addrs) == 0 || r.phase != PreStart {
		return undo, nil
	}
	was, err := r.LXC.ReadConfig(r.id)
	if err != nil || was == nil {
		return undo, err
	}
	next := was
	for n, to := range addrs {
		if next, err = guest.SetGenerated(next, n, to...); err != nil {
			return undo, fmt.Errorf("CT %s: %w", r.id, err)
		}
	}
	if bytes.Equal(next, was) {
		return undo, nil
	}
	if err := r.LXC.WriteConfig(r.id, next); err != nil {
		return undo, err
	}
	return func() error { return r.LXC.WriteConfig(r.id, was) }, nil
}
