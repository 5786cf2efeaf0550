package hook_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/report"
)

// repaired is a ledger that is damaged when it is read, and that another process
// has repaired when the lock is there.
type repaired struct{ hook.Ledger }

func (repaired) View(context.Context) (*lease.Table, error) {
	return nil, fmt.Errorf("%w: a bit", ledger.ErrDamaged)
}

func (repaired) Rebuild(context.Context, time.Time, func() (*lease.Table, error)) (int, error) {
	return 0, nil
}

// Who loses the race to repair a ledger has rebuilt nothing, and says so.
func TestLoserOfARepair(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	h := hook.Hook{
		Env: hook.Env{Now: time.Now}, Pools: &config.Config{}, Ledger: repaired{}, Log: report.New(&out, &errs, ""),
	}
	if err := h.Repair(t.Context()); err != nil || errs.Len() > 0 || !strings.Contains(out.String(), "another process has repaired it") {
		t.Errorf("%v; it says %q and %q", err, &out, &errs)
	}
}
