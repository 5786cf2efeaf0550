package hook

import (
	"context"
	"fmt"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// Setter changes settings of a guest's config through Proxmox, unless the
// config is another than raw by now.
type Setter func(ctx context.Context, values map[string]string, raw []byte) error

// Apply leases addresses for a stopped virtual machine, proves them and has
// Proxmox write them into ipconfigN, which makes the cloud-init image anew. The
// next start's hook finds them there.
func (h *Hook) Apply(ctx context.Context, id pve.VMID, opt Options, set Setter) int {
	r := run{Hook: h, id: id, phase: "apply", opt: opt, set: set}
	if r.kind() != pve.VM {
		return r.fail(fmt.Errorf("there is no VM %s on node %s; a container gets its address when it starts", id, h.Env.Name))
	}
	switch state, err := h.VMs.RunState(id); {
	case err != nil:
		return r.fail(err)
	case state != node.Stopped:
		return r.fail(fmt.Errorf("VM %s is %s; stop it, apply, start it again", id, state))
	}
	r.warnOfProblems()
	return r.start(ctx, func(ctx context.Context) (int, error) {
		s, err := r.subject(pve.VM)
		if err != nil {
			return Failed, err
		}
		if len(s.requests) > 0 && !s.conf.CloudInit() {
			r.warn(lease.Grant{}, "VM %s has no cloud-init drive, which alone brings the address to it", id)
		}
		return r.serve(ctx, s)
	})
}

// apply has Proxmox change what the grants change, and looks whether it did.
func (r *run) apply(ctx context.Context, s subject, assignments []*assignment) error {
	values := map[string]string{}
	nics := map[int]guest.NIC{}
	for _, t := range assignments {
		if t.g.Keeps() {
			continue
		}
		nic, begun := nics[t.nic.Index]
		if !begun {
			nic = t.nic
		}
		nic = nic.With(guest.Addr{Prefix: t.g.Address, Gateway: t.g.Gateway})
		nics[nic.Index] = nic
		values[fmt.Sprintf("ipconfig%d", nic.Index)] = nic.IPConfig()
	}
	if len(values) == 0 {
		return r.unchanged(s)
	}
	if stop := r.stopped(ctx); stop != nil {
		return stop
	}
	if err := r.set(ctx, values, s.raw); err != nil {
		return err
	}
	raw, err := r.Guests.ReadGuest(pve.VM, r.id)
	if err != nil {
		return err
	}
	for key, want := range values {
		if got, _ := guest.Parse(pve.VM, raw).Value(key); got != want {
			return fmt.Errorf("%s is %q in the config, although Proxmox was told to set it to %s; see 'qm config %s'", key, got, want, r.id)
		}
	}
	return nil
}
