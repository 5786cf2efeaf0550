package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"pve-iplease/internal/lease"
)

// childEnv makes this test binary play a process that updates a ledger.
const childEnv = "LEDGER_TEST_CHILD"

// child is what such a process does: it makes changes of its own, one after
// the other, and prints one line for each that was stored.
type child struct {
	Dir, PVE, Run string
	Reserve       time.Duration
	ID            int
	Updates       int
	Patience      time.Duration // for each update
}

func (c child) open() (*Ledger, error) {
	return Open(Options{Dir: c.Dir, PVE: c.PVE, Run: c.Run, Reserve: c.Reserve, Scratch: true, Cluster: "prod"})
}

func TestMain(m *testing.M) {
	if order := os.Getenv(childEnv); order != "" {
		os.Exit(playChild(order))
	}
	os.Exit(m.Run())
}

func playChild(order string) int {
	var c child
	err := json.Unmarshal([]byte(order), &c)
	if err == nil {
		err = c.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c child) run() error {
	l, err := c.open()
	if err != nil {
		return err
	}
	for i := range c.Updates {
		ctx, cancel := context.WithTimeout(context.Background(), c.Patience)
		err := l.Update(ctx, func(t *lease.Table) error {
			t.Known("pve1", "1", mark(c.ID, i))
			return nil
		})
		cancel()
		if err != nil {
			return err
		}
		fmt.Println(mark(c.ID, i))
	}
	return nil
}

// mark is the trace that a child's update leaves in the table.
func mark(id, update int) lease.MAC {
	return lease.MAC{2, 0, byte(id >> 8), byte(id), byte(update >> 8), byte(update)}
}

// command prepares the process.
func (c child) command(tb testing.TB) *exec.Cmd {
	tb.Helper()
	order, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	return cmd
}
