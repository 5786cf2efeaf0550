package lease_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestTableModel plays random histories against the naive model.
func TestTableModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		id := rapid.SampledFrom(modelIDs)
		address := rapid.Custom(func(t *rapid.T) netip.Addr {
			a := ip(rapid.SampledFrom([]string{"10.0.0.199", "2001:db8::1ff"}).Draw(t, "family"))
			for range rapid.IntRange(0, 6).Draw(t, "offset") {
				a = a.Next()
			}
			return a
		})
		on := func(f func(*rapid.T, pve.VMID, *modelGuest)) func(*rapid.T) {
			return func(t *rapid.T) {
				id := id.Draw(t, "guest")
				if g := m.guests[id]; g != nil {
					f(t, id, g)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": m.check,
			"create and start": func(t *rapid.T) {
				id := id.Draw(t, "guest")
				if m.guests[id] == nil {
					m.guests[id] = &modelGuest{conf: places{}}
				}
				m.start(t, id, false)
			},
			"start": on(func(t *rapid.T, id pve.VMID, _ *modelGuest) { m.start(t, id, false) }),
			"crash": on(func(t *rapid.T, id pve.VMID, _ *modelGuest) { m.start(t, id, true) }),
			"stop":  on(m.stop),
			"kill":  on(func(_ *rapid.T, _ pve.VMID, g *modelGuest) { g.running = false }),
			"edit": on(func(t *rapid.T, _ pve.VMID, g *modelGuest) {
				if !g.running {
					a := address.Draw(t, "address")
					g.conf[draw(t, pve.FamilyOf(a))] = a
				}
			}),
			"destroy": on(func(_ *rapid.T, id pve.VMID, g *modelGuest) {
				if !g.running {
					delete(m.guests, id)
				}
			}),
			"release": on(m.release),
			"move": on(func(t *rapid.T, id pve.VMID, g *modelGuest) {
				a := address.Draw(t, "address")
				m.move(id, draw(t, pve.FamilyOf(a)), g, a)
			}),
			"stranger": func(t *rapid.T) {
				if a := address.Draw(t, "address"); m.answers(a) == nil {
					m.strangers[a] = true
				} else {
					delete(m.strangers, a)
				}
			},
			"reclaim": m.reclaim,
			"time": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
			},
		})
	})
}

// draw picks one of the managed places of a family.
func draw(t *rapid.T, f pve.Family) place {
	of := slices.DeleteFunc(slices.Clone(managed), func(p place) bool { return p.family != f })
	return rapid.SampledFrom(of).Draw(t, "place")
}

// stop is a post-stop.
func (m *model) stop(t *rapid.T, id pve.VMID, g *modelGuest) {
	if !g.running {
		return
	}
	g.running = false
	_ = m.update(func(tb *lease.Table) error {
		released, kept := tb.Stopped(lease.Run{VMID: id, Node: "pve1", Boot: "b", Started: g.started, Now: m.now})
		for _, l := range released {
			if g.addr[place{l.Owner.NIC, pve.FamilyOf(l.Addr)}] != l.Addr {
				kept = append(kept, lease.Kept{Lease: l, Why: "it ran with another"})
			}
		}
		if len(released) != len(managed) || len(kept) != 0 {
			t.Fatalf("CT %s had %v; released %v, kept %v", id, g.addr, released, kept)
		}
		return nil
	})
}

// release ends the hold by hand; only of a stopped guest.
func (m *model) release(_ *rapid.T, id pve.VMID, g *modelGuest) {
	if !g.running {
		_ = m.update(func(tb *lease.Table) error { tb.Free(pve.Container, id, m.now); return nil })
	}
}

// move gives an address to a stopped guest; who names it must be stopped.
func (m *model) move(id pve.VMID, at place, g *modelGuest, a netip.Addr) {
	if g.running {
		return
	}
	for _, o := range m.guests {
		for _, c := range o.conf {
			if o.running && c == a {
				return
			}
		}
	}
	want := lease.Want{Owner: at.owner(id), Family: at.family, MAC: macAt(id, at.nic), Bridge: "vmbr0", Current: g.conf.prefixed(at)}
	_ = m.update(func(tb *lease.Table) error {
		return tb.Move(m.world(), m.claim(), lease.Key{Segment: m.pools[at.family].Segment(), Addr: a}, want)
	})
}

// reclaim ends what nobody comes back for, unless somebody answers.
func (m *model) reclaim(t *rapid.T) {
	w := m.world()
	_ = m.update(func(tb *lease.Table) error { tb.NoteMissing(w); return nil })
	for _, l := range m.table.Gone(w) {
		if m.guests[l.Owner.VMID] != nil {
			t.Fatalf("CT %s exists, and its lease on %s counts as gone", l.Owner.VMID, l.Addr)
		}
		_ = m.update(func(tb *lease.Table) error {
			if m.answers(l.Addr) == nil && !tb.Reclaim(w, l) {
				t.Fatalf("%s is gone and can't be reclaimed", l.Addr)
			}
			return nil
		})
	}
}
