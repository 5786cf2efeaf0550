package lease_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"pve-iplease/internal/lease"
)

// model is a naive picture of a host: who runs with which address, what the
// configs say, who else is on the wire.
type model struct {
	now       time.Time
	up        time.Duration
	guests    map[lease.VMID]*modelGuest
	strangers map[netip.Addr]bool
	table     *lease.Table
	pool      lease.Pool
	claims    int
}

type modelGuest struct {
	conf    netip.Addr // what net0 says
	running bool
	addr    netip.Addr // that it runs with
	started time.Duration
}

var modelIDs = []lease.VMID{101, 102, 103, 104}

func newModel(t *rapid.T) *model {
	m := &model{now: now, guests: map[lease.VMID]*modelGuest{}, strangers: map[netip.Addr]bool{}, table: lease.NewTable()}
	m.pool = lan(func(p *lease.Pool) {
		p.Ranges[0].Last = ip("10.0.0.202")
		p.Hold = rapid.SampledFrom([]time.Duration{0, time.Hour, 24 * time.Hour, lease.Forever}).Draw(t, "hold")
		p.Strategy = rapid.SampledFrom([]lease.Strategy{lease.First, lease.ByVMID, lease.Spread}).Draw(t, "strategy")
	})
	return m
}

func (m *model) ids() []lease.VMID { return slices.Sorted(maps.Keys(m.guests)) }

func (m *model) world() lease.World {
	w := newScene(m.pool).w
	w.Now = m.now
	clear(w.Inventory.Guests)
	for _, id := range m.ids() {
		g := m.guests[id]
		w.Inventory.Guests[id] = lease.Guest{VMID: id, Node: "pve1", Hooked: true}
		if g.conf.IsValid() {
			w.Inventory.Uses[g.conf] = append(w.Inventory.Uses[g.conf], lease.Use{
				Addr: g.conf, Owner: ct(id), Segment: lease.NewSegment("vmbr0", 0, "pve1"),
			})
		}
	}
	return w
}

// update is a transaction: after an error the table is as it was.
func (m *model) update(f func(*lease.Table) error) error {
	next := lease.NewTable()
	next.Generation = m.table.Generation
	for l := range m.table.All() {
		next.Add(l)
	}
	if err := f(next); err != nil {
		return err
	}
	if next.Changed() {
		next.Generation++
	}
	m.table = next
	return nil
}

func (m *model) claim() lease.Claim {
	m.claims++
	m.up += 10 * time.Millisecond
	return lease.Claim{ID: string(rune('a'+m.claims%26)) + time.Duration(m.claims).String(), Node: "pve1", Boot: "b", Up: m.up, At: m.now}
}

// start is a pre-start; crash lets it end after the claim.
func (m *model) start(t *rapid.T, id lease.VMID, crash bool) {
	g := m.guests[id]
	if g.running {
		return
	}
	want := lease.Want{Owner: ct(id), MAC: mac(byte(id)), Bridge: "vmbr0"}
	if g.conf.IsValid() {
		want.Current = netip.PrefixFrom(g.conf, 24)
	}
	var grants []lease.Grant
	err := m.update(func(tb *lease.Table) (err error) {
		grants, err = tb.Acquire(m.world(), m.claim(), []lease.Want{want})
		return err
	})
	if err != nil || crash {
		m.refused(t, id, err)
		return
	}
	grant, err := m.prove(grants[0])
	if err != nil {
		m.refused(t, id, err)
		return
	}
	if err := m.table.Confirm(m.world(), []lease.Grant{grant}); err != nil {
		t.Fatalf("nothing changed, and the claim of %s is not confirmed: %v", id, err)
	}
	if g.conf.IsValid() && grant.Keeps() != (g.conf == grant.Lease.Addr && grant.Gateway == grant.Want.Gateway || grant.How == lease.Guarded) {
		t.Fatalf("CT %s keeps %s: %v", id, g.conf, grant)
	}
	m.up += 10 * time.Millisecond
	*g = modelGuest{conf: grant.Lease.Addr, running: true, addr: grant.Lease.Addr, started: m.up}
}

// prove asks the wire until the claim is on an address that nobody has.
func (m *model) prove(g lease.Grant) (lease.Grant, error) {
	for {
		var heard []lease.Heard
		for _, a := range append([]netip.Addr{g.Lease.Addr}, g.Spares...) {
			h := lease.Heard{Addr: a, Silent: true}
			if by := m.answers(a); by != nil {
				h = lease.Heard{Addr: a, Taken: true, By: by}
			}
			heard = append(heard, h)
		}
		if !m.table.Lost(g, heard) {
			return g, nil
		}
		proved := false
		err := m.update(func(tb *lease.Table) (err error) {
			g, proved, err = tb.Decline(m.world(), m.claim(), g, heard)
			return err
		})
		if err != nil || proved {
			return g, err
		}
	}
}

func (m *model) answers(a netip.Addr) []lease.MAC {
	if m.strangers[a] {
		return []lease.MAC{{6, 6}}
	}
	for _, id := range m.ids() {
		if g := m.guests[id]; g.running && g.addr == a {
			return []lease.MAC{mac(byte(id))}
		}
	}
	return nil
}

// refused checks that a start failed for a reason.
func (m *model) refused(t *rapid.T, id lease.VMID, err error) {
	var full *lease.ExhaustedError
	var conflict *lease.ConflictError
	if err != nil && !errors.As(err, &full) && !errors.As(err, &conflict) {
		t.Fatalf("CT %s: %v", id, err)
	}
	for i := 0; full != nil && i < 3; i++ {
		a := ip("10.0.0.200")
		for range i {
			a = a.Next()
		}
		if !m.named(a) && m.answers(a) == nil && len(m.table.At(lease.Key{Segment: m.pool.Segment(), Addr: a})) == 0 {
			t.Fatalf("CT %s gets none, and %s is nobody's", id, a)
		}
	}
}

func (m *model) named(a netip.Addr) bool {
	for _, g := range m.guests {
		if g.conf == a {
			return true
		}
	}
	return false
}

// check holds the table against the invariants.
func (m *model) check(t *rapid.T) {
	living := map[netip.Addr]lease.VMID{}
	for _, id := range m.ids() {
		g := m.guests[id]
		if !g.running {
			continue
		}
		if o, twice := living[g.addr]; twice {
			t.Fatalf("CT %s and CT %s run with %s", o, id, g.addr)
		}
		living[g.addr] = id
		own := m.table.Of(ct(id))
		if len(own) != 1 || own[0].Addr != g.addr || own[0].State != lease.Bound {
			t.Fatalf("CT %s runs with %s, and the ledger has %+v", id, g.addr, own)
		}
	}
	owners, addrs := map[lease.Owner]bool{}, map[netip.Addr]bool{}
	for l := range m.table.All() {
		if addrs[l.Addr] || !l.Owner.IsZero() && owners[l.Owner] {
			t.Fatalf("%s of %s is in the ledger twice", l.Addr, l.Owner)
		}
		if l.Gen > m.table.Generation {
			t.Fatalf("%s was changed in generation %d of %d", l.Addr, l.Gen, m.table.Generation)
		}
		addrs[l.Addr], owners[l.Owner] = true, true
	}
}
