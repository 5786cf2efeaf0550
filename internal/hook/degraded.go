package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
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
// served the need.
func (r *run) mayBeDisabled(n need) bool {
	for _, d := range r.Pools.Disabled {
		if (n.family == lease.IPv4 || d.Six) && d.MayServe(r.Here.Name, n.nic.Bridge, n.nic.Tag, n.nic.Index) {
			return true
		}
	}
	return false
}

// degraded lets a host come up although pools or ledger are unusable: a guest
// that already carries its addresses starts with a warning, if that can make no
// duplicate. Otherwise the cause fails the start.
func (r *run) degraded(ctx context.Context, s subject, needs []need, w lease.World, cause error) error {
	if stop := r.stopped(ctx); stop != nil {
		return stop
	}
	var carried []need
	for _, n := range needs {
		if len(n.pools) == 0 && n.mode() == guest.DHCP {
			r.warn(lease.Grant{}, "%v; %s starts with DHCP as net%d says", cause, s.guest(r.id), n.nic.Index)
			continue
		}
		if !n.current().IsValid() {
			return cause
		}
		key := n.key(r.Here.Name)
		if why := r.belongsElsewhere(ctx, n, w, key); why != "" {
			return fmt.Errorf("%w; and %s can't go on with %s: it %s", cause, s.guest(r.id), key.Addr, why)
		}
		carried = append(carried, n)
	}
	silence, err := r.askOnce(ctx, w, s, carried)
	if err != nil {
		return errors.Join(err, cause)
	}
	if err := r.over(ctx, s); err != nil {
		return err
	}
	if err := r.unchanged(s); err != nil {
		return err
	}
	for _, n := range carried {
		key := n.key(r.Here.Name)
		r.warn(lease.Grant{Lease: lease.Lease{Key: key}}, "%v; %s starts with %s as net%d says: no other guest names it and %s",
			cause, s.guest(r.id), n.current(), n.nic.Index, silence[key])
	}
	return nil
}

// belongsElsewhere says who else has a right to the address, by the ledger
// read without lock and by the guests' configs. Where the ledger can't be read
// the configs alone decide: whoever was given the address since is named there.
func (r *run) belongsElsewhere(ctx context.Context, n need, w lease.World, k lease.Key) string {
	if t, err := r.Ledger.View(ctx); err == nil {
		if why := cmp.Or(t.Foreign(w, k, n.owner), t.Lapsed(w, k, n.owner)); why != "" {
			return why
		}
	}
	return w.NamedByOthers(k, n.owner)
}

// askOnce refuses addresses for which somebody answers, and says of each what
// was heard. Who probes for one is given a window more to take it: to ask alone
// keeps nobody from starting. Who speaks in the guest's own name is asked
// himself, once its previous run is over.
func (r *run) askOnce(ctx context.Context, w lease.World, s subject, needs []need) (map[lease.Key]string, error) {
	if len(needs) == 0 {
		return nil, nil
	}
	trials, ports := r.trials(needs)
	defer closeAll(ports)
	for _, t := range trials {
		t.g = lease.Grant{
			Lease: lease.Lease{Key: t.key(r.Here.Name), Owner: t.owner, Origin: lease.Static}, Address: t.current(), Gateway: t.gateway(),
		}
	}
	answers, err := r.ask(ctx, w, trials, ports, false)
	switch {
	case err != nil:
	case hearsay(trials, answers):
		if err := r.over(ctx, s); err != nil {
			return nil, err
		}
		answers, err = r.ask(ctx, w, trials, ports, true)
	case wanted(trials, answers): // who asks for it may be about to take it
		answers, err = r.ask(ctx, w, trials, ports, false)
	}
	if stop := r.stopped(ctx); stop != nil {
		return nil, stop
	}
	if err != nil {
		return nil, err
	}
	silence := map[lease.Key]string{}
	for _, t := range trials {
		res := answers[t.wire]
		silence[t.g.Lease.Key] = "nobody answers for it"
		if why := doubt(res, t.g); why != "" {
			silence[t.g.Lease.Key] = "the network can't tell whether somebody has it: " + why
		}
		heard := heard(t.g, res)
		switch who := r.speakers(w, t.g.Lease.Addr, res); {
		case t.g.Taken(heard):
			return nil, r.refusal(w, t.g, who, res)
		case wants(t.g, heard):
			silence[t.g.Lease.Key] += ", but it is asked for by " + who + " too"
		}
	}
	return silence, nil
}

// wanted reports whether somebody asks for an address of a trial too.
func wanted(trials []*trial, answers map[*port]probe.Result) bool {
	return slices.ContainsFunc(trials, func(t *trial) bool { return wants(t.g, heard(t.g, answers[t.wire])) })
}

func wants(g lease.Grant, heard []lease.Heard) bool {
	return slices.ContainsFunc(heard, func(h lease.Heard) bool { return h.Addr == g.Lease.Addr && h.Contended })
}
