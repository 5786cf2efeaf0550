package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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
func (c *crowd) verify(t *testing.T, before, table *lease.Table) {
	t.Helper()
	silent := 0
	for l := range table.All() {
		if len(before.At(l.Key)) > 0 {
			continue
		}
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
	if changes := table.Len() - before.Len(); table.Generation != before.Generation+uint64(changes) {
		t.Errorf("generation %d, %d before %d changes", table.Generation, before.Generation, changes)
	}
}
