package hook

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// VMs tells whether a virtual machine runs on this node, and takes Proxmox's
// lock on its config.
type VMs interface {
	RunState(pve.VMID) (node.State, error)
	Lock(context.Context, pve.VMID) (unlock func(), err error)
}

// preStartVM proves the addresses that a VM's cloud-init image already holds.
// Proxmox makes the image before it calls the hook and doesn't read the config
// again (PVE::QemuServer, vm_start_nolock), so another address would come too
// late: where one is needed the start fails, and 'apply' sets it.
func (r *run) preStartVM(ctx context.Context) int {
	r.warnOfProblems()
	switch state, err := r.VMs.RunState(r.id); {
	case err != nil:
		return r.fail(err)
	case state != node.Stopped:
		r.info("VM %s is running already: nothing to do", r.id)
		return OK
	}
	return r.start(ctx, r.verify)
}

// arrives reports whether the call is for a VM that comes here by live
// migration: its config is still the other node's (PVE::QemuServer,
// vm_start_nolock, sets PVE_MIGRATED_FROM).
func (r *run) arrives() bool {
	if r.Env.Arriving == "" {
		return false
	}
	_, err := r.Guests.ReadGuest(pve.Container, r.id)
	return errors.Is(err, node.ErrNoGuest)
}

// verify is the VM's attempt.
func (r *run) verify(ctx context.Context) (int, error) {
	s, err := r.subject(pve.VM)
	if err != nil {
		return Failed, err
	}
	s.requests = slices.DeleteFunc(s.requests, func(n request) bool {
		if n.current().IsValid() {
			return false
		}
		r.info("VM %s net%d: ipconfig%d has no %s address: left as it is; 'pve-iplease apply %s' leases one", r.id, n.nic.Index, n.nic.Index, n.family, r.id)
		return true
	})
	for i := range s.requests {
		s.requests[i].fixed = true
	}
	return r.serve(ctx, s)
}

// mismatch is why a VM can't start with what its image says.
func mismatch(g lease.Grant) error {
	if !g.Want.Fixed || g.Present() {
		return nil
	}
	o := g.Want.Owner
	why := fmt.Sprintf("is not its lease, which is %s", g.Lease.Addr)
	if len(g.Notes) > 0 {
		why = "can't be: " + g.Notes[0]
	}
	return &lease.ConflictError{
		Addr:   g.Want.Current.Addr(),
		Reason: fmt.Sprintf("in ipconfig%d of %s %s; run 'pve-iplease apply %s' and start it again", o.NIC, o.Guest(), why, o.VMID),
	}
}
