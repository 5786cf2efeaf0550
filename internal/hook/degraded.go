package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
)

// brokenPools is why no pool could be found for a NIC that may have one.
func (r *run) brokenPools() error {
	var texts []string
	for _, p := range r.Problems {
		if !p.Warning {
			texts = append(texts, p.Error())
		}
	}
	return fmt.Errorf("the pools can't be used: %s", strings.Join(texts, "; "))
}

// mayBeDisabled reports whether a broken part of the configuration could have
// served the NIC.
func (r *run) mayBeDisabled(s subject) bool {
	for _, d := range r.Pools.Disabled {
		if d.MayServe(r.Here.Name, s.nic.Bridge, s.nic.Tag, s.owner.NIC) {
			return true
		}
	}
	return false
}

// degraded lets a host come up although pools or ledger are unusable: a guest
// that already carries an address starts with a warning, if that can make no
// duplicate. Otherwise the cause fails the start.
func (r *run) degraded(ctx context.Context, s subject, w lease.World, cause error) error {
	if stop := r.stopped(ctx); stop != nil {
		return stop
	}
	if len(s.pools) == 0 && s.nic.IP == guest.DHCP {
		r.warn(lease.Grant{}, "%v; CT %s starts with DHCP as net0 says", cause, r.id)
		return nil
	}
	addr := s.current()
	if !addr.IsValid() {
		return cause
	}
	key := lease.Key{Segment: lease.NewSegment(s.nic.Bridge, s.nic.Tag, r.Here.Name), Addr: addr.Addr()}
	if why := r.belongsElsewhere(ctx, s, w, key); why != "" {
		return fmt.Errorf("%w; and CT %s can't go on with %s: it %s", cause, r.id, addr.Addr(), why)
	}
	if err := r.askOnce(ctx, s, w, key); err != nil {
		return errors.Join(err, cause)
	}
	if err := r.awaitEnd(ctx); err != nil {
		return err
	}
	if err := r.unchanged(s); err != nil {
		return err
	}
	r.warn(lease.Grant{Lease: lease.Lease{Key: key}}, "%v; CT %s starts with %s as net0 says: no other guest names it and nobody answers for it", cause, r.id, addr)
	return nil
}

// belongsElsewhere says who else has a right to the address, by the ledger
// read without lock and by the guests' configs. Where the ledger can't be read
// the configs alone decide: whoever was given the address since is named there.
func (r *run) belongsElsewhere(ctx context.Context, s subject, w lease.World, k lease.Key) string {
	if t, err := r.Ledger.View(ctx); err == nil {
		if why := cmp.Or(t.Foreign(w, k, s.owner), t.Lapsed(w, k, s.owner)); why != "" {
			return why
		}
	}
	return w.NamedByOthers(k, s.owner)
}

// askOnce refuses an address for which somebody answers or probes.
func (r *run) askOnce(ctx context.Context, s subject, w lease.World, k lease.Key) error {
	wire := r.open(s)
	defer wire.Close()
	g := lease.Grant{Lease: lease.Lease{Key: k, Owner: s.owner, Origin: lease.Static}, Address: s.current(), Gateway: s.nic.Gateway}
	res, err := wire.Ask(ctx, r.question(s, w, g))
	if stop := r.stopped(ctx); stop != nil {
		return stop
	}
	if err != nil {
		return err
	}
	for _, h := range heard(res) {
		// Another node's probe is a conflict too: without the ledger nobody
		// can say whose claim is the better.
		if h.Taken || h.Contended {
			return r.refusal(w, g, r.speakers(w, k.Addr, res), nil)
		}
	}
	return nil
}
