package evidence

import (
	"context"
	"errors"
	"fmt"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

// Sources are where a Snapshot comes from. A nil one is passed over.
type Sources struct {
	Ledger    func(context.Context) (*lease.Table, error)
	Inventory func(context.Context) (lease.Inventory, error)
	Kernel    func() (Kernel, error)
	DHCP      func(context.Context) dhcp.Found
	IPAM      func() ([]inventory.IPAMEntry, error)
}

// collector finds out one thing. What it found it hands back as a function
// that enters it, so that one which comes too late enters nothing.
type collector struct {
	name string
	run  func(context.Context) (enter func(), err error)
}

// Gather asks all sources side by side. What fails, or has not come when ctx
// ends, is a remark.
func (s Sources) Gather(ctx context.Context, e *Snapshot) {
	e.Table, e.Unread = lease.NewTable(), s.Ledger != nil
	var all []collector
	if s.Ledger != nil {
		all = append(all, collector{"ledger", func(ctx context.Context) (func(), error) {
			t, err := s.Ledger(ctx)
			return func() { e.Table, e.Unread = t, false }, err
		}})
	}
	if s.Inventory != nil {
		all = append(all, collector{"guest configs", func(ctx context.Context) (func(), error) {
			inv, err := s.Inventory(ctx)
			return func() { e.takeInventory(inv) }, err
		}})
	}
	if s.Kernel != nil {
		all = append(all, collector{"kernel", func(context.Context) (func(), error) {
			k, err := s.Kernel()
			return func() { e.Kernel = k }, err
		}})
	}
	if s.DHCP != nil {
		all = append(all, collector{"DHCP", func(ctx context.Context) (func(), error) {
			found := s.DHCP(ctx)
			return func() { e.takeDHCP(found) }, nil
		}})
	}
	if s.IPAM != nil {
		all = append(all, collector{"SDN", func(context.Context) (func(), error) {
			entries, err := s.IPAM()
			return func() { e.IPAM = entries }, err
		}})
	}
	e.collect(ctx, all)
}

// collect runs collectors side by side until all are done or ctx ends.
func (e *Snapshot) collect(ctx context.Context, all []collector) {
	type result struct {
		name  string
		enter func()
		err   error
	}
	results := make(chan result, len(all))
	missing := map[string]bool{}
	for _, c := range all {
		missing[c.name] = true
		go func() {
			enter, err := c.run(ctx)
			results <- result{c.name, enter, err}
		}()
	}
	for len(missing) > 0 {
		select {
		case r := <-results:
			delete(missing, r.name)
			if r.err != nil {
				e.remark(r.name, "%v", r.err)
				continue
			}
			r.enter()
		case <-ctx.Done():
			for name := range missing {
				e.remark(name, "it did not answer in time: %v", context.Cause(ctx))
			}
			return
		}
	}
}

func (e *Snapshot) remark(source, format string, args ...any) {
	e.Remarks = append(e.Remarks, Remark{source, report.Clean(fmt.Sprintf(format, args...))})
}

func (e *Snapshot) takeInventory(inv lease.Inventory) {
	e.Inventory = inv
	for _, u := range inv.Unread {
		e.Remarks = append(e.Remarks, Remark{"guest configs", report.Sentence(u.String())})
	}
	if !inv.Complete && len(inv.Unread) == 0 {
		e.remark("guest configs", "some of them could not be read: a guest may be missing here")
	}
}

func (e *Snapshot) takeDHCP(found dhcp.Found) {
	e.DHCP = found
	for _, p := range found.Problems {
		e.remark("DHCP", "%v", p)
	}
}

// ErrNothing is returned for an argument that nothing is known of.
var ErrNothing = errors.New("nothing is known of it")
