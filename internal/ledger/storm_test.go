package ledger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/lease"
)

// crowd is a number of processes on the nodes of a cluster, and what they
// said was stored.
type crowd struct {
	mu     sync.Mutex
	stored map[netip.Addr]bool
	errors map[string]int
	killed int
}

// run starts a process, kills it after a while if mortal, and collects what
// it printed.
func (c *crowd) run(t *testing.T, child child, mortal bool, seed uint64) {
	cmd := child.command(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	if mortal {
		random := rand.New(rand.NewPCG(seed, uint64(child.ID)))
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(time.Second))), func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		c.hear(lines.Text())
	}
	err = cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && !exit.Exited():
		c.killed++
	case err != nil:
		t.Errorf("process %d: %v: %s", child.ID, err, &stderr)
	}
}

// hear notes one line that a process printed.
func (c *crowd) hear(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if what, bad := strings.CutPrefix(line, failed); bad {
		c.errors[paths().ReplaceAllString(what, "…")]++
		return
	}
	c.stored[netip.MustParseAddr(line)] = true
}

// paths is what tells equal errors of different processes apart.
func paths() *regexp.Regexp { return regexp.MustCompile(`/tmp/\S*/[0-9]+|ledger\.[01]|[0-9.]+m?s`) }

// verify checks that everything that was reported stored is there, and that
// there is little else: a process may be killed between storing and saying so,
// or not know.
func (c *crowd) verify(t *testing.T, table *lease.Table) {
	t.Helper()
	silent := 0
	for l := range table.All() {
		if !c.stored[l.Addr] {
			silent++
		}
		delete(c.stored, l.Addr)
	}
	for addr := range c.stored {
		t.Errorf("%s was stored and is lost", addr)
	}
	unknown := 0
	for what, n := range c.errors {
		t.Logf("%d times: %s", n, what)
		if strings.Contains(what, ErrUnknown.Error()) {
			unknown += n
		}
	}
	if silent > c.killed+unknown {
		t.Errorf("%d changes that nobody reported; %d processes were killed, %d didn't know", silent, c.killed, unknown)
	}
	if table.Generation != uint64(table.Len()+1) {
		t.Errorf("generation %d after %d changes", table.Generation, table.Len())
	}
}

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
	c.verify(t, view(t, host[0].ledger(t)))
}

// Four nodes full of processes, some of which are killed; meanwhile nodes
// lose and regain the quorum, and one's pmxcfs crashes and comes back.
func TestStorm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const processes = 48
	cluster, host := hosts(t, "pve1", "pve2", "pve3", "pve4")
	cluster.Stall(30 * time.Millisecond)
	cluster.Lag(host[3].Node, 3*time.Millisecond)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := crowd{stored: map[netip.Addr]bool{}, errors: map[string]int{}}
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() { c.run(t, host[i%4].child(i, 10), i%3 == 0, seed) })
	}
	ctx, stop := context.WithCancel(t.Context())
	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		disturb(ctx, t, cluster, host, rand.New(rand.NewPCG(seed, 0)))
	}()
	wg.Wait()
	stop()
	<-disturbed
	cluster.Heal()
	stored := len(c.stored)
	for _, h := range host {
		l := h.ledger(t)
		l.store.(*slots).limits.ask = 20 * time.Millisecond
		cluster.Advance(121 * time.Second) // for a lock whose node was never used again
		update(t, l, func(*lease.Table) error { return nil })
	}
	t.Logf("%d changes stored, %d processes killed", stored, c.killed)
	c.verify(t, view(t, host[0].ledger(t)))
	if stored < processes {
		t.Errorf("only %d changes were stored", stored)
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
		update(t, l, touch(lease.VMID(i+1)))
	}
	stop()
	wg.Wait()
}
