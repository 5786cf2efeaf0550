package hook

import (
	"errors"
	"maps"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// asking decides upon the ledger, and again with what the world answers
// meanwhile: which guests of this node run with a lease that is released. Where
// nothing is taken from a stopped guest, nothing is asked.
func (h *Hook) asking(w *lease.World, decide func() error) error {
	for {
		err := decide()
		var unasked *lease.UnaskedError
		if !errors.As(err, &unasked) {
			return err
		}
		alive := maps.Clone(w.Alive)
		if alive == nil {
			alive = map[pve.VMID]bool{}
		}
		// One that can't be told may be alive.
		state, err := h.runState(unasked.Guest)
		alive[unasked.Guest.VMID] = err != nil || state != node.Stopped
		w.Alive = alive
	}
}

// runState is that of a guest of this node.
func (h *Hook) runState(g lease.Guest) (node.State, error) {
	if g.Kind == pve.VM {
		return h.VMs.RunState(g.VMID)
	}
	return h.Runs.RunState(g.VMID)
}
