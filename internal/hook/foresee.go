package hook

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

// Foresight is what a container's next start would do to its address, before
// the network is asked.
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
	there.Here.Name = g.Node
	there.Guests = onlyGuest{config}
	there.Log = report.New(&said, &said, "")
	there.Inventory = func(ctx context.Context) (lease.Inventory, error) {
		inv, err := h.Inventory(ctx)
		g.Hooked = true
		inv.Guests[g.VMID] = g
		return inv, err
	}
	r := run{Hook: &there, id: g.VMID, phase: PreStart, opt: Options{DryRun: true}}
	s, done, err := r.subject()
	f := Foresight{NIC: s.owner.NIC, Old: s.nic.IP.String()}
	if a := s.current(); a.IsValid() {
		f.Old = a.String()
	}
	if err == nil && !done {
		err = r.foresee(ctx, s, &f)
	}
	f.Notes = append(sentences(said.String(), "CT "+g.VMID.String()+" "), f.Grant.Notes...)
	return f, err
}

func (r *run) foresee(ctx context.Context, s subject, f *Foresight) error {
	if len(s.pools) == 0 {
		return r.brokenPools()
	}
	inv, err := r.Inventory(ctx)
	if err != nil {
		return err
	}
	// Whether the bridge leads out of its node only that node can see; here
	// that matters for the own node's alone.
	wire := port{blind: errors.New("the network is asked at the start")}
	f.Grant, err = r.claim(ctx, s, r.world(inv), wire)
	f.New = f.Grant.Address
	return err
}

// onlyGuest is a node with the config of one container that nobody changes.
type onlyGuest struct{ config []byte }

func (o onlyGuest) ReadGuest(lease.Kind, lease.VMID) ([]byte, error) { return o.config, nil }

func (o onlyGuest) LockGuest(context.Context, lease.VMID, time.Duration) (func(), error) {
	return func() {}, nil
}

func (o onlyGuest) Replace(context.Context, lease.Kind, lease.VMID, []byte, []byte) error { return nil }

// sentences are what was logged, without what every line begins with.
func sentences(log, subject string) []string {
	var all []string
	for l := range strings.Lines(log) {
		l = strings.TrimPrefix(strings.TrimSpace(l), "pve-iplease: ")
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(l, "warning: "), subject))
	}
	return all
}
