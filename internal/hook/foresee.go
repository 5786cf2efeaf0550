package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Foresight is what a container's next start would do to its first address,
// before the network is asked; the notes tell of its others.
type Foresight struct {
	NIC   int
	Old   string       // what the config says now: an address, dhcp, manual or absent
	New   netip.Prefix // invalid: nothing changes
	Grant lease.Grant
	Notes []string // what else the start would say; alone, why nothing changes
}

// Foresee decides as the start of a container on whatever node would, with the
// hook and its config as given. Call Rehearse first: the decision stays in the
// ledger, so that the next container gets another address.
func (h *Host) Foresee(ctx context.Context, g lease.Guest, config []byte) (Foresight, error) {
	var said bytes.Buffer
	there := *h.Hook
	there.Env.Name = g.Node
	there.Guests = onlyGuest{config}
	there.Log = report.New(&said, &said, "")
	there.Inventory = func(ctx context.Context) (lease.Inventory, error) {
		inv, err := h.Inventory(ctx)
		g.Hooked = true
		inv.Guests[g.VMID] = g
		return inv, err
	}
	r := run{Hook: &there, id: g.VMID, phase: PreStart, opt: Options{DryRun: true}, foreseen: true}
	s, err := r.subject(pve.Container)
	var f Foresight
	if err == nil && len(s.requests) > 0 {
		err = r.foresee(ctx, s, &f)
	}
	f.Notes = append(sentences(said.String(), "CT "+g.VMID.String()+" "), f.Notes...)
	return f, err
}

func (r *run) foresee(ctx context.Context, s subject, f *Foresight) error {
	served := slices.DeleteFunc(slices.Clone(s.requests), func(n request) bool { return len(n.pools) == 0 })
	first := append(slices.Clone(served), s.requests...)[0]
	f.NIC, f.Old = first.nic.Index, first.mode().String()
	if a := first.current(); a.IsValid() {
		f.Old = a.String()
	}
	if len(served) == 0 {
		return r.brokenPools()
	}
	inv, err := r.Inventory(ctx)
	if err != nil {
		return err
	}
	assignments := make([]*assignment, len(served))
	for i, n := range served {
		// Whether the bridge leads out of its node only that node can see; here
		// that matters for the own node's alone.
		assignments[i] = &assignment{request: n, wire: &port{nic: n.nic, blind: errors.New("the network is asked at the start")}}
	}
	if err := r.claim(ctx, r.world(inv), assignments); err != nil {
		return err
	}
	f.Grant = assignments[0].g
	f.New, f.Notes = f.Grant.Address, f.Grant.Notes
	for _, t := range assignments[1:] {
		f.Notes = append(append(f.Notes, t.g.Notes...), fmt.Sprintf("net%d gets %s from pool %s", t.nic.Index, lines(t.g), t.g.PoolName()))
	}
	return nil
}

// onlyGuest is a node with the config of one container that nobody changes.
type onlyGuest struct{ config []byte }

func (o onlyGuest) ReadGuest(pve.Kind, pve.VMID) ([]byte, error) { return o.config, nil }

func (o onlyGuest) LockGuest(context.Context, pve.VMID, time.Duration) (func(), error) {
	return func() {}, nil
}

func (o onlyGuest) Replace(context.Context, pve.Kind, pve.VMID, []byte, []byte) error { return nil }

// sentences are what was logged, without what every line begins with.
func sentences(log, subject string) []string {
	var all []string
	for l := range strings.Lines(log) {
		l = strings.TrimPrefix(strings.TrimSpace(l), "pve-iplease: ")
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(l, "warning: "), subject))
	}
	return all
}
