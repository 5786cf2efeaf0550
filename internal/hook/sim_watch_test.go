package hook_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// watch looks at the whole cluster after every step.
type watch struct {
	err    error
	last   [2]slotFile
	table  *lease.Table // the newest whole ledger
	gen    uint64
	broken bool // an administrator, or a disk, damaged the slots
	harmed time.Time
	exits  []exit
	had    map[sight]bool // who had which address at some time
	leased map[leasedTo]bool
}

// sight is somebody who has an address.
type sight struct {
	lease.Key
	pve.MAC
}

// saw notes who has an address.
func (w *watch) saw(a carried) { w.had[sight{a.Key, a.mac}] = true }

// exit is how a pre-start ended.
type exit struct {
	who  string
	code int
	said string
}

func (w *watch) init() {
	w.table, w.had, w.leased = lease.NewTable(), map[sight]bool{}, map[leasedTo]bool{}
}

func (w *watch) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format+"\n%s", append(args, w.dump())...)
	}
}

// dump prints the ledger.
func (w *watch) dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ledger: generation %d\n", w.table.Generation)
	for l := range w.table.All() {
		fmt.Fprintf(&b, "%s %s %s %s %s gen %d claim %s@%s was %s\n", l.Segment, l.Addr, l.Owner, l.State, l.Origin, l.Gen, l.Claim.ID, l.Claim.Node, l.Was)
	}
	return b.String()
}

// harm notes that the next state of the ledger may lack leases.
func (w *watch) harm() { w.broken, w.harmed = true, time.Now().Add(1) }

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// edit checks what the hook is about to write into a guest's config.
func (w *watch) edit(old, now []byte) {
	if bare(string(old)) != bare(string(now)) {
		w.fail("the hook changes more than addresses and gateways:\n%s\n%s", old, now)
	}
}

// check is called after every step.
func (c *cluster) check() error {
	w := &c.watch
	s := c.truth.slots
	if same(s[0], w.last[0]) && same(s[1], w.last[1]) {
		return w.err
	}
	w.last = s
	t, err := newestOf(s)
	switch {
	case err != nil && !w.broken && c.truth.dir && !c.truth.begun:
		w.fail("the ledger is damaged: %w", err)
	case err == nil && t.Generation < w.gen && !w.broken:
		w.fail("the ledger's generation went from %d back to %d", w.gen, t.Generation)
	case err == nil:
		w.table, w.gen = t, t.Generation
		w.note(t)
		if w.broken {
			c.forget()
		}
		w.broken = false
		c.checkLedger()
	}
	return w.err
}

func same(x, y slotFile) bool {
	return x.there == y.there && len(x.data) == len(y.data) && (len(x.data) == 0 || &x.data[0] == &y.data[0])
}

// slotsOnly is a store that only can be read.
type slotsOnly [2]slotFile

func (s slotsOnly) Read(context.Context) ([]ledger.Slot, error) {
	var out []ledger.Slot
	for i, f := range s {
		out = append(out, ledger.Slot{Name: digit(i), Data: f.data, Missing: !f.there})
	}
	return out, nil
}

func (slotsOnly) Lock(context.Context) (ledger.Writer, error) { return nil, errors.New("read only") }

func newestOf(s [2]slotFile) (*lease.Table, error) {
	return ledger.New(slotsOnly(s), "lab").View(context.Background())
}
