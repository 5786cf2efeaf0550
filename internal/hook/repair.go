package hook

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// update changes the ledger. One that is damaged is first rebuilt from the
// guests' configs, under the lock and keeping what was there; the wire proves
// each address again at its guest's next start.
func (r *run) update(ctx context.Context, w lease.World, f func(*lease.Table) error) error {
	err := r.Ledger.Update(ctx, f)
	if !errors.Is(err, ledger.ErrDamaged) {
		return err
	}
	if rerr := r.rebuild(ctx, w, err); rerr != nil {
		return errors.Join(err, rerr)
	}
	return r.Ledger.Update(ctx, f)
}

// rebuild replaces a damaged ledger and says so, unless another process was
// faster.
func (r *run) rebuild(ctx context.Context, w lease.World, damage error) error {
	var built *lease.Table
	var doubtful []string
	kept, err := r.Ledger.Rebuild(ctx, r.Env.Now(), func() (*lease.Table, error) {
		inv, err := r.Inventory(ctx)
		if err != nil {
			return nil, err
		}
		if !inv.Complete {
			return nil, fmt.Errorf("it is not rebuilt while %s", unread(inv))
		}
		w.Inventory = inv
		t, twice := lease.Rebuild(w, r.NewID(), r.stands)
		for _, a := range twice {
			doubtful = append(doubtful, a.String())
		}
		built = t
		return t, nil
	})
	if err != nil {
		return err
	}
	if built == nil {
		r.info("the ledger is in order again: another process has repaired it")
		return nil
	}
	what, _, _ := strings.Cut(damage.Error(), "; run ") // the advice is being taken
	what += fmt.Sprintf("; it was rebuilt from the guests' configs with %d leases", built.Len())
	if kept > 0 {
		what += ", and what was there is kept beside it"
	}
	r.warn(lease.Grant{}, "%s", what)
	if len(doubtful) > 0 {
		r.warn(lease.Grant{}, "addresses that two configs name belong to who starts first: %v", doubtful)
	}
	return nil
}

// stands reports whether a guest of this node is stopped for certain.
func (r *run) stands(g lease.Guest) bool {
	state, err := node.Running, error(nil)
	if g.Kind == pve.VM {
		state, err = r.VMs.RunState(g.VMID)
	} else if running, rerr := r.Runs.Running(g.VMID); !running && rerr == nil {
		state, err = r.Runs.RunState(g.VMID)
	}
	return err == nil && state == node.Stopped
}

// Repair rebuilds the ledger at an administrator's word.
func (h *Hook) Repair(ctx context.Context) error {
	r := run{Hook: h, phase: "repair"}
	_, err := h.Ledger.View(ctx)
	if err == nil {
		return errors.New("the ledger is in order: nothing to repair")
	}
	if !errors.Is(err, ledger.ErrDamaged) && !errors.Is(err, ledger.ErrForeign) {
		return fmt.Errorf("this can't be repaired: %w", err)
	}
	return r.rebuild(ctx, r.world(lease.Inventory{}), err)
}
