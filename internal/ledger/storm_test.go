package ledger

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Three nodes with 50 processes each want one change each, at once.
func TestEverybodyGetsTheLock(t *testing.T) {
	t.Parallel()
	_, host := hosts(t, "pve1", "pve2", "pve3")
	c := crowd{stored: map[netip.Addr]bool{}, errors: map[string]int{}}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() { c.run(t, host[i%3].child(i, 1), false, 0) })
	}
	wg.Wait()
	t.Logf("150 processes on 3 nodes: %v", time.Since(start))
	if len(c.stored) != 150 {
		t.Errorf("%d stored", len(c.stored))
	}
	c.verify(t, fresh("prod"), view(t, host[0].ledger(t)))
}

// Four nodes full of processes, some of which are killed; meanwhile nodes
// lose and regain the quorum, and one's pmxcfs crashes and comes back. The
// ledger takes two messages, so that it can be found half written.
func TestStorm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const processes = 48
	cluster, host := hosts(t, "pve1", "pve2", "pve3", "pve4")
	cluster.Stall(30 * time.Millisecond)
	cluster.Lag(host[3].Node, 3*time.Millisecond)
	update(t, host[0].ledger(t), func(table *lease.Table) error {
		for i := range 1500 {
			one := typical(i)
			one.Segment.Bridge = "vmbr9"
			table.Add(one)
		}
		return touch(1)(table)
	})
	before := view(t, host[0].ledger(t))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := crowd{stored: map[netip.Addr]bool{}, errors: map[string]int{}}
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() { c.run(t, host[i%4].child(i, 10), i%3 == 0, seed) })
	}
	ctx, stop := context.WithCancel(t.Context())
	var around sync.WaitGroup
	around.Go(func() { disturb(ctx, t, cluster, host, rand.New(rand.NewPCG(seed, 0))) })
	for _, h := range host {
		around.Go(func() { h.keepUsing(ctx) })
	}
	wg.Wait()
	stop()
	around.Wait()
	cluster.Heal()
	stored := len(c.stored)
	for _, h := range host {
		l := h.ledger(t)
		l.store.(*slots).limits.ask = 20 * time.Millisecond
		cluster.Advance(121 * time.Second) // a lock may have stayed on a node that is used later
		update(t, l, func(*lease.Table) error { return nil })
	}
	t.Logf("%d changes stored, %d processes killed", stored, c.killed)
	c.verify(t, before, view(t, host[0].ledger(t)))
	if stored < processes {
		t.Errorf("only %d changes were stored", stored)
	}
}

// keepUsing locks the ledger now and then until ctx ends. A lock that stayed
// behind on a node without quorum is removed by that node's next process, or
// after 120 s.
func (h *host) keepUsing(ctx context.Context) {
	for ctx.Err() == nil {
		if l, err := Open(h.options()); err == nil {
			_ = l.Update(ctx, func(*lease.Table) error { return nil })
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// disturb makes trouble until ctx ends.
func disturb(ctx context.Context, t *testing.T, c *pmxcfs.Cluster, host []*host, random *rand.Rand) {
	for ctx.Err() == nil {
		h := host[random.IntN(len(host))]
		switch random.IntN(3) {
		case 0:
			c.Partition(h.Node)
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			c.Heal()
		case 1:
			c.Partition(host[0].Node, host[1].Node) // nobody has a majority
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			c.Heal()
		case 2:
			if err := h.Crash(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
			if err := h.Restart(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
	}
}

// Readers of a ledger that takes several messages never see half a change,
// and never an older one than before.
func TestReadersDuringWrites(t *testing.T) {
	t.Parallel()
	cluster, host := hosts(t, "pve1", "pve2")
	l := host[0].ledger(t)
	update(t, l, func(table *lease.Table) error {
		for i := range 3000 {
			table.Add(typical(i))
		}
		return touch(0)(table)
	})
	cluster.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		if o.Call == "write" {
			return pmxcfs.Fault{Delay: time.Millisecond}
		}
		return pmxcfs.Fault{}
	})
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for _, h := range host {
		wg.Go(func() {
			l, last := h.ledger(t), uint64(0)
			for ctx.Err() == nil {
				table, err := l.View(t.Context())
				if err != nil || table.Generation < last || table.Len() != 3000 {
					t.Errorf("generation %d after %d, %v", table.Generation, last, err)
					return
				}
				last = table.Generation
			}
		})
	}
	for i := range 30 {
		update(t, l, touch(pve.VMID(i+1)))
	}
	stop()
	wg.Wait()
}
