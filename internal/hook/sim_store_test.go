package hook_test

import (
	"context"
	"errors"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// The simulated store takes the steps of the ledger's slots on pmxcfs, with
// their time limits, each a scheduling point of its own.
const (
	lockHold    = 60 * time.Second
	lockRenew   = 20 * time.Second
	lockExpiry  = 110 * time.Second
	lockTimeout = 120 * time.Second // pmxcfs's own
	lockAsk     = 2 * time.Second
	reserved    = 15 * time.Second
)

var (
	errHeld  = errors.New("EACCES: it is another node's")
	errGone  = errors.New("ENOENT: it is gone")
	errMaybe = errors.New("EBUSY: outcome unknown")
)

// freshLedger is generation 1 without leases, as the codec writes it.
func freshLedger() []byte {
	m := ledger.NewMemory()
	err := ledger.New(m, "lab").Update(context.Background(), func(t *lease.Table) error { t.Known("", "", pve.MAC{9}); return nil })
	slots, rerr := m.Read(context.Background())
	if err != nil || rerr != nil {
		panic(errors.Join(err, rerr))
	}
	return slots[0].Data
}

// Read implements ledger.Store.
func (p *process) Read(context.Context) ([]ledger.Slot, error) {
	found := make([]ledger.Slot, 2)
	for i := range found {
		p.a.At("reads slot", digit(i))
		s := p.n.etc.slots[i]
		found[i] = ledger.Slot{Name: "ledger." + digit(i), Data: s.data, Missing: !s.there}
	}
	if len(found[0].Data) > 0 || !found[1].Missing {
		return found, nil
	}
	if !found[0].Missing || !p.n.etc.dir || p.n.etc.begun {
		return nil, nil
	}
	return found, nil
}

func digit(i int) string { return [...]string{"0", "1"}[i] }
