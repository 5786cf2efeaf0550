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
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
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
func (r *run) mayBeDisabled(n request) bool {
	for _, d := range r.Pools.Disabled {
		if (n.family == pve.IPv4 || d.Six) && d.MayServe(r.Env.Name, n.nic.Bridge, n.nic.Tag, n.nic.Index) {
			return true
		}
	}
	return false
}

// degraded lets a host come up although pools or ledger are unusable: a guest
// that already carries its addresses starts with a warning, if that can make no
// duplicate. Otherwise the cause fails the start.
func (r *run) degraded(ctx context.Context, s subject, requests []request, w lease.World, cause error) error {
	if stop := r.stopped(ctx); stop != nil {
		return stop
	}
	t, err := r.Ledger.View(ctx)
	if err != nil {
		t = lease.NewTable() // the configs alone decide
	}
	w.Proved = r.proofs(t, s.kind, r.id)
	var carried []request
	for _, n := range requests {
		if len(n.pools) == 0 && n.mode() == guest.DHCP {
			r.warn(lease.Grant{}, "%v; %s starts with DHCP as net%d says", cause, s.guest(r.id), n.nic.Index)
			continue
		}
		if !n.current().IsValid() {
			return cause
		}
		carried = append(carried, n)
	}
	if err := r.mayCarry(t, s, carried, w, cause); err != nil {
		return err
	}
	r.keepBound(s.kind)
	r.leaveUnbound(t, carried)
	silence, err := r.carriesOn(ctx, t, s, carried, w, cause)
	if err != nil {
		r.takeUnbound(carried)
		return err
	}
	for _, n := range carried {
		key := n.key(r.Env.Name)
		r.warn(lease.Grant{Lease: lease.Lease{Key: key}}, "%v; %s starts with %s as net%d says: no other guest names it and %s",
			cause, s.guest(r.id), n.current(), n.nic.Index, silence[key])
	}
	return nil
}

// carriesOn makes sure that a guest can go on with what it carries, and says how
// quiet it was. Whoever had the ledger's lock when the start began may have
// released a lease meanwhile by the note of the guest's last stop, and taken it.
func (r *run) carriesOn(ctx context.Context, t *lease.Table, s subject, carried []request, w lease.World, cause error) (map[lease.Key]quietness, error) {
	silence, err := r.askOnce(ctx, t, w, s, carried)
	if err == nil {
		err = r.unseen(ctx, w, silence)
	}
	if err != nil {
		return nil, errors.Join(err, cause)
	}
	if err := r.over(ctx, s); err != nil {
		return nil, err
	}
	if err := r.unchanged(s); err != nil {
		return nil, err
	}
	now, err := r.Ledger.View(ctx)
	if err != nil {
		return silence, nil // the configs alone decide
	}
	return silence, r.mayCarry(now, s, carried, w, cause)
}

// mayCarry is why a guest can't go on with what it carries: it belongs to
// another.
func (r *run) mayCarry(t *lease.Table, s subject, carried []request, w lease.World, cause error) error {
	for _, n := range carried {
		key := n.key(r.Env.Name)
		if why := belongsElsewhere(t, n, w, key); why != "" {
			return fmt.Errorf("%w; and %s can't go on with %s: it %s", cause, s.guest(r.id), key.Addr, why)
		}
	}
	return nil
}

// belongsElsewhere says who else has a right to the address, by the ledger
// read without lock and by the guests' configs. Where the ledger can't be read
// the configs alone decide: whoever was given the address since is named there.
func belongsElsewhere(t *lease.Table, n request, w lease.World, k lease.Key) string {
	return cmp.Or(t.Foreign(w, k, n.owner), t.Lapsed(w, k, n.owner), w.NamedByOthers(k, n.owner))
}

// unseen refuses an address that nothing speaks for: not the ledger, since it
// can't be read, not all configs, since one of them can't, and not the wire.
func (r *run) unseen(ctx context.Context, w lease.World, silence map[lease.Key]quietness) error {
	blind := w.Inventory.Blind()
	if blind == nil {
		return nil
	}
	if _, err := r.Ledger.View(ctx); err == nil {
		return nil
	}
	for k, q := range silence {
		if q.doubt != "" {
			return fmt.Errorf("cannot prove that %s is free: %s; and %s: see to that first", k.Addr, q.doubt, report.Sentence(blind.String()))
		}
	}
	return nil
}

// quietness is that nobody was heard for an address.
type quietness struct {
	doubt  string // why that proves nothing; empty when it does
	wanted string // who asks for the address too; empty: nobody
}

func (q quietness) String() string {
	s := "nobody answers for it"
	if q.doubt != "" {
		s = "the network can't tell whether somebody has it: " + q.doubt
	}
	if q.wanted != "" {
		s += ", but it is asked for by " + q.wanted + " too"
	}
	return s
}

// askOnce refuses addresses for which somebody answers, or that may be another's
// where the wire can't tell, and says of each what was heard. Who probes for one
// is given a window more to take it: to ask alone keeps nobody from starting. Who
// speaks in the guest's own name is asked himself, once its previous run is over.
func (r *run) askOnce(ctx context.Context, table *lease.Table, w lease.World, s subject, requests []request) (map[lease.Key]quietness, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	assignments, ports := r.assignments(requests)
	defer closeAll(ports)
	for _, t := range assignments {
		t.g = lease.Grant{
			Lease: lease.Lease{Key: t.key(r.Env.Name), Owner: t.owner, Origin: lease.Static}, Address: t.current(), Gateway: t.gateway(),
		}
	}
	answers, err := r.ask(ctx, w, assignments, ports, false)
	if err == nil && wanted(assignments, answers) { // who asks for it may be about to take it
		answers, err = r.ask(ctx, w, assignments, ports, false)
	}
	if err == nil && hearsay(assignments, answers) {
		if err := r.over(ctx, s); err != nil {
			return nil, err
		}
		answers, err = r.ask(ctx, w, assignments, ports, true)
	}
	if stop := r.stopped(ctx); stop != nil {
		return nil, stop
	}
	if err != nil {
		return nil, err
	}
	silence := map[lease.Key]quietness{}
	for _, t := range assignments {
		res := answers[t.wire]
		quiet := quietness{doubt: doubt(res, t.g)}
		if quiet.doubt != "" {
			t.g.Contest = cmp.Or(table.Contest(w, t.g.Lease.Key, t.owner), r.heardBefore(t.owner, t.g.Lease.Addr))
			if t.g.Contest != "" {
				return nil, unprovable(w, t.g, proof{doubt: quiet.doubt})
			}
		}
		heard := heard(t.g, res)
		switch who := r.speakers(w, t.g.Lease.Addr, res); {
		case t.g.Taken(heard):
			r.remembersVoice(ctx, t.g, who)
			return nil, r.refusal(w, t.g, who, res)
		case wants(t.g, heard):
			quiet.wanted = who
		}
		silence[t.g.Lease.Key] = quiet
	}
	return silence, nil
}

// wanted reports whether somebody asks for an address of a trial too.
func wanted(assignments []*assignment, answers map[*port]probe.Result) bool {
	return slices.ContainsFunc(assignments, func(t *assignment) bool { return wants(t.g, heard(t.g, answers[t.wire])) })
}

func wants(g lease.Grant, heard []lease.Heard) bool {
	return slices.ContainsFunc(heard, func(h lease.Heard) bool { return h.Addr == g.Lease.Addr && h.Contended })
}
