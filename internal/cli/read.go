package cli

import (
	"context"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
)

// readBoth reads the ledger and the guests' configs side by side: each takes
// about as long as the other, and neither needs the other.
func readBoth(ctx context.Context, h *hook.Host) (t *lease.Table, inv lease.Inventory, tableErr, inventoryErr error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		inv, inventoryErr = h.Inventory(ctx)
	}()
	t, tableErr = h.Ledger.View(ctx)
	<-done
	return t, inv, tableErr, inventoryErr
}
