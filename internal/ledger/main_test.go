package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
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
	Refused       unix.Errno    // openat2's error, as a filter of system calls gives it; 0: it works
}

func (c child) open() (*Ledger, error) {
	return Open(Options{Dir: c.Dir, PVE: c.PVE, Run: c.Run, Reserve: c.Reserve, Scratch: true, Cluster: "prod"})
}

func TestMain(m *testing.M) {
	if order := os.Getenv(childEnv); order != "" {
		os.Exit(playChild(order))
	}
	os.Exit(lab.Main(m))
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
	if c.Refused != 0 {
		if err := lab.Refuse(c.Refused, unix.SYS_OPENAT2); err != nil {
			return err
		}
	}
	l, err := c.open()
	for try := 0; err != nil && try < 100; try++ { // pmxcfs may be away just now
		time.Sleep(20 * time.Millisecond)
		l, err = c.open()
	}
	if err != nil {
		return err
	}
	for i := range c.Updates {
		if err := c.update(l, i); err != nil {
			fmt.Printf("%s %v\n", failed, strings.ReplaceAll(err.Error(), "\n", "; "))
			time.Sleep(50 * time.Millisecond) // the quorum may come back
			continue
		}
		fmt.Println(mark(c.ID, i))
	}
	return nil
}

// failed begins a line about a change that was not stored.
const failed = "failed:"

func (c child) update(l *Ledger, i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.Patience)
	defer cancel()
	return l.Update(ctx, func(t *lease.Table) error {
		l := typical(100)
		l.Addr = mark(c.ID, i)
		t.Add(l)
		t.Known("pve1", l.Addr.String(), pve.MAC{})
		return nil
	})
}

// mark is the address that a child's update puts into the table.
func mark(id, update int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(id), byte(update >> 8), byte(update)})
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
