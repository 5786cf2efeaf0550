package lease_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// model is a naive picture of a host: who runs with which address, what the
// configs say, who else is on the wire.
type model struct {
	now       time.Time
	up        time.Duration
	guests    map[pve.VMID]*modelGuest
	strangers map[netip.Addr]bool
	table     *lease.Table
	pools     []lease.Pool // one a family
	claims    int
}

// modelGuest has a place for an address on each of its NICs in each family.
type modelGuest struct {
	conf    places // what the config says
	running bool
	addr    places // that it runs with
	started time.Duration
}

// place is a NIC and a family.
type place struct {
	nic    int
	family pve.Family
}

type places map[place]netip.Addr

// managed are the places that the pools fill; all NICs are on one network.
var managed = []place{{0, pve.IPv4}, {0, pve.IPv6}, {1, pve.IPv4}}

func (p place) owner(id pve.VMID) pve.Owner { return pve.Owner{VMID: id, NIC: p.nic} }

// macAt is the MAC of a guest's NIC.
func macAt(id pve.VMID, nic int) pve.MAC {
	return pve.MAC{0xbc, 0x24, 0x11, 0, byte(nic), byte(id)}
}

// prefixed is the address as the config says it, with its network's length.
func (p places) prefixed(at place) netip.Prefix {
	bits := map[pve.Family]int{pve.IPv4: 24, pve.IPv6: 64}
	if !p[at].IsValid() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(p[at], bits[at.family])
}

var modelIDs = []pve.VMID{101, 102, 103, 104}

func newModel(t *rapid.T) *model {
	m := &model{now: now, guests: map[pve.VMID]*modelGuest{}, strangers: map[netip.Addr]bool{}, table: lease.NewTable()}
	m.pools = []lease.Pool{lan(all), lan6(all)}
	m.pools[0].Ranges[0].Last = ip("10.0.0.204")
	m.pools[1].Ranges[0] = pve.Range{First: ip("2001:db8::200"), Last: ip("2001:db8::202")}
	for i := range m.pools {
		p := &m.pools[i]
		p.Hold = rapid.SampledFrom([]time.Duration{0, time.Hour, 24 * time.Hour, lease.Forever}).Draw(t, "hold")
		p.Strategy = rapid.SampledFrom([]lease.Strategy{lease.First, lease.ByVMID, lease.Spread}).Draw(t, "strategy")
	}
	return m
}

func (m *model) ids() []pve.VMID { return slices.Sorted(maps.Keys(m.guests)) }

func (m *model) world() lease.World {
	w := newScene(m.pools...).w
	w.Now = m.now
	clear(w.Inventory.Guests)
	for _, id := range m.ids() {
		g := m.guests[id]
		w.Inventory.Guests[id] = lease.Guest{VMID: id, Node: "pve1", Hooked: true}
		w.Alive[id] = g.running
		for _, at := range managed {
			if a := g.conf[at]; a.IsValid() {
				w.Inventory.Uses[a] = append(w.Inventory.Uses[a], lease.Use{
					Addr: a, Owner: at.owner(id), Segment: pve.NewSegment("vmbr0", 0, "pve1"),
				})
			}
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
func (m *model) start(t *rapid.T, id pve.VMID, crash bool) {
	g := m.guests[id]
	if g.running {
		return
	}
	var grants []lease.Grant
	err := m.update(func(tb *lease.Table) (err error) {
		grants, err = tb.Acquire(m.world(), m.claim(), m.wants(id))
		return err
	})
	if err != nil || crash {
		m.refused(t, id, err)
		return
	}
	for i := range grants {
		if grants[i], err = m.prove(grants[i]); err != nil {
			m.refused(t, id, err)
			return
		}
	}
	if err := m.table.Confirm(m.world(), grants); err != nil {
		t.Fatalf("nothing changed, and the claim of %s is not confirmed: %v", id, err)
	}
	next := modelGuest{conf: places{}, running: true}
	for i, grant := range grants {
		at := managed[i]
		if c := g.conf[at]; c.IsValid() && grant.Keeps() != (c == grant.Lease.Addr && grant.Gateway == grant.Want.Gateway || grant.How == lease.Guarded) {
			t.Fatalf("CT %s keeps %s: %v", id, c, grant)
		}
		next.conf[at] = grant.Lease.Addr
	}
	m.up += 10 * time.Millisecond
	next.addr, next.started = maps.Clone(next.conf), m.up
	*g = next
}

// wants are those of a guest's start.
func (m *model) wants(id pve.VMID) (wants []lease.Want) {
	for _, at := range managed {
		wants = append(wants, lease.Want{
			Owner: at.owner(id), Family: at.family, MAC: macAt(id, at.nic), Bridge: "vmbr0", Current: m.guests[id].conf.prefixed(at),
		})
	}
	return wants
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
		if !g.Taken(heard) {
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

func (m *model) answers(a netip.Addr) []pve.MAC {
	if m.strangers[a] {
		return []pve.MAC{{6, 6}}
	}
	for _, id := range m.ids() {
		for _, at := range managed {
			if g := m.guests[id]; g.running && g.addr[at] == a {
				return []pve.MAC{macAt(id, at.nic)}
			}
		}
	}
	return nil
}

// refused checks that a start failed for a reason.
func (m *model) refused(t *rapid.T, id pve.VMID, err error) {
	var full *lease.ExhaustedError
	var conflict *lease.ConflictError
	if err != nil && !errors.As(err, &full) && !errors.As(err, &conflict) {
		t.Fatalf("CT %s: %v", id, err)
	}
	if full == nil {
		return
	}
	f := pve.FamilyOf(full.Holders[0].Addr)
	left := 0
	for a := m.pools[f].Ranges[0].First; m.pools[f].Contains(a); a = a.Next() {
		if !m.named(a) && m.answers(a) == nil && len(m.table.At(lease.Key{Segment: m.pools[f].Segment(), Addr: a})) == 0 {
			left++
		}
	}
	// What a start that failed took for its other places is not in the table.
	if left >= 2 || f == pve.IPv6 && left > 0 {
		t.Fatalf("CT %s gets none, and %d addresses are nobody's", id, left)
	}
}

func (m *model) named(a netip.Addr) bool {
	for _, g := range m.guests {
		for _, c := range g.conf {
			if c == a {
				return true
			}
		}
	}
	return false
}

// check holds the table against the invariants.
func (m *model) check(t *rapid.T) {
	living := map[netip.Addr]pve.VMID{}
	for _, id := range m.ids() {
		g := m.guests[id]
		if !g.running {
			continue
		}
		for _, at := range managed {
			a := g.addr[at]
			if o, twice := living[a]; twice {
				t.Fatalf("CT %s and CT %s run with %s", o, id, a)
			}
			living[a] = id
			own := slices.DeleteFunc(m.table.Of(at.owner(id)), func(l lease.Lease) bool { return pve.FamilyOf(l.Addr) != at.family })
			if len(own) != 1 || own[0].Addr != a || own[0].State != lease.Bound {
				t.Fatalf("CT %s runs with %s on net%d, and the ledger has %+v", id, a, at.nic, own)
			}
		}
	}
	type right struct {
		pve.Owner
		pve.Family
	}
	owners, addrs := map[right]bool{}, map[netip.Addr]bool{}
	for l := range m.table.All() {
		r := right{l.Owner, pve.FamilyOf(l.Addr)}
		if addrs[l.Addr] || !l.Owner.IsZero() && owners[r] {
			t.Fatalf("%s of %s is in the ledger twice", l.Addr, l.Owner)
		}
		if l.Gen > m.table.Generation {
			t.Fatalf("%s was changed in generation %d of %d", l.Addr, l.Gen, m.table.Generation)
		}
		addrs[l.Addr], owners[r] = true, true
	}
}
