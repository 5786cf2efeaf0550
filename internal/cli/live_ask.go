package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/report"
)

// comparison is the leases on the one hand and what guests report on the other.
type comparison struct {
	pools  lease.Pools
	table  *lease.Table
	guests []*witness // in the order of their numbers
}

// witness is a guest that has a lease or runs.
type witness struct {
	lease.Guest
	config  []byte
	status  string // as the cluster has it; empty: it doesn't know the guest, or may not say
	reports []pveapi.Interface
	failed  error // why it reports nothing
}

// Proxmox's words for it. Any other is that of a node whose status daemon is
// down: it says nothing of the guest.
const (
	statusRunning = "running"
	statusStopped = "stopped"
)

// asked reports whether the guest has answered.
func (w *witness) asked() bool { return w.status == statusRunning && w.failed == nil }

func newComparison(ctx context.Context, h *hook.Host) (*comparison, error) {
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return nil, err
	}
	inv, err := h.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	c := &comparison{pools: h.Pools.Pools, table: t}
	for _, id := range slices.Sorted(maps.Keys(inv.Guests)) {
		g := inv.Guests[id]
		folder := "lxc"
		if g.Kind == pve.VM {
			folder = "qemu-server"
		}
		// One that is gone meanwhile counts as one without interfaces.
		data, _ := os.ReadFile(h.Node.Path("/etc/pve/nodes/" + g.Node + "/" + folder + "/" + id.String() + ".conf"))
		c.guests = append(c.guests, &witness{Guest: g, config: data})
	}
	return c, nil
}

// askers is how many guests are asked at once: each costs its node a process.
const askers = 4

// ask lets the running guests report. That one guest can't is no error.
func (c *comparison) ask(ctx context.Context, api *pveapi.API) error {
	nodes, err := api.Nodes(ctx)
	if err != nil {
		return err
	}
	dead := &deadNodes{why: map[string]error{}}
	for _, n := range nodes {
		if n.Dead() {
			dead.add(n.Name, fmt.Errorf("node %s is down", report.Clean(n.Name)))
		}
	}
	known, err := api.Guests(ctx)
	if err != nil {
		return err
	}
	status := map[pve.VMID]string{}
	for _, g := range known {
		status[g.VMID] = g.Status
	}
	queue := make(chan *witness)
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for w := range queue {
				w.ask(ctx, api, dead)
			}
		})
	}
	for _, w := range c.guests {
		w.status = status[w.VMID]
		queue <- w
	}
	close(queue)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// ask asks one guest, unless its node is known to be dead.
func (w *witness) ask(ctx context.Context, api *pveapi.API, dead *deadNodes) {
	if w.failed = dead.of(w.Node); w.failed != nil {
		return
	}
	if w.askStatus(ctx, api); w.failed != nil || w.status != statusRunning {
		if errors.Is(w.failed, pveapi.ErrNodeDead) {
			dead.add(w.Node, w.failed)
		}
		return
	}
	if w.Kind == pve.VM {
		w.reports, w.failed = api.AgentInterfaces(ctx, w.Node, w.VMID)
	} else {
		w.reports, w.failed = api.Interfaces(ctx, w.Node, w.VMID)
	}
	switch {
	case errors.Is(w.failed, pveapi.ErrNodeDead):
		dead.add(w.Node, w.failed)
	case errors.Is(w.failed, pveapi.ErrNotRunning):
		w.status, w.failed = statusStopped, nil
	case errors.Is(w.failed, pveapi.ErrNoAgent):
		w.failed = errors.New("its guest agent doesn't answer; install qemu-guest-agent in it, and set agent: 1")
	case w.failed == nil && len(w.reports) == 0 && w.Kind == pve.Container:
		w.status = statusStopped // since the list was made
	}
}

// askStatus asks the guest's node whether it runs, when the cluster knows the
// guest and not that.
func (w *witness) askStatus(ctx context.Context, api *pveapi.API) {
	switch w.status {
	case "", statusRunning, statusStopped:
		return
	}
	w.status, w.failed = api.Status(ctx, w.Node, w.Kind, w.VMID)
	if w.failed == nil && w.status != statusRunning && w.status != statusStopped {
		w.failed = fmt.Errorf("node %s doesn't say whether it runs; see there 'systemctl status pvestatd'", report.Clean(w.Node))
	}
}

// deadNodes are the nodes that are not asked again: each would take half a
// minute to fail, for every guest.
type deadNodes struct {
	mu  sync.Mutex
	why map[string]error
}

func (d *deadNodes) add(node string, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.why[node] = why
}

func (d *deadNodes) of(node string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.why[node]
}

// nics are the guest's interfaces as its config has them.
func (w *witness) nics() []guest.NIC {
	conf := guest.Parse(w.Kind, w.config)
	var all []guest.NIC
	for _, n := range conf.NICs() {
		if nic, err := conf.NIC(n); err == nil {
			all = append(all, nic)
		}
	}
	return all
}
