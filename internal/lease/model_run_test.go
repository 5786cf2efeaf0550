package lease_test

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pve-iplease/internal/lease"
)

// TestTableModel plays random histories against the naive model.
func TestTableModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		id := rapid.SampledFrom(modelIDs)
		address := rapid.Custom(func(t *rapid.T) netip.Addr {
			a := ip("10.0.0.199")
			for range rapid.IntRange(0, 5).Draw(t, "offset") {
				a = a.Next()
			}
			return a
		})
		on := func(f func(*rapid.T, lease.VMID, *modelGuest)) func(*rapid.T) {
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
					m.guests[id] = &modelGuest{}
				}
				m.start(t, id, false)
			},
			"start": on(func(t *rapid.T, id lease.VMID, _ *modelGuest) { m.start(t, id, false) }),
			"crash": on(func(t *rapid.T, id lease.VMID, _ *modelGuest) { m.start(t, id, true) }),
			"stop":  on(m.stop),
			"kill":  on(func(_ *rapid.T, _ lease.VMID, g *modelGuest) { g.running = false }),
			"edit": on(func(t *rapid.T, _ lease.VMID, g *modelGuest) {
				if !g.running {
					g.conf = address.Draw(t, "address")
				}
			}),
			"destroy": on(func(_ *rapid.T, id lease.VMID, g *modelGuest) {
				if !g.running {
					delete(m.guests, id)
				}
			}),
			"release": on(m.release),
			"move":    on(func(t *rapid.T, id lease.VMID, g *modelGuest) { m.move(t, id, g, address.Draw(t, "address")) }),
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

// stop is a post-stop.
func (m *model) stop(t *rapid.T, id lease.VMID, g *modelGuest) {
	if !g.running {
		return
	}
	g.running = false
	_ = m.update(func(tb *lease.Table) error {
		released, kept := tb.Stopped(lease.Run{VMID: id, Node: "pve1", Boot: "b", Started: g.started, Now: m.now})
		if len(released) != 1 || len(kept) != 0 || released[0].Addr != g.addr {
			t.Fatalf("CT %s had %s; released %v, kept %v", id, g.addr, released, kept)
		}
		return nil
	})
}

// release ends the hold by hand; only of a stopped guest.
func (m *model) release(_ *rapid.T, id lease.VMID, g *modelGuest) {
	if !g.running {
		_ = m.update(func(tb *lease.Table) error { tb.Free(lease.Container, id, m.now); return nil })
	}
}

// move gives an address to a stopped guest; who names it must be stopped.
func (m *model) move(_ *rapid.T, id lease.VMID, g *modelGuest, a netip.Addr) {
	if g.running {
		return
	}
	for _, o := range m.guests {
		if o.running && o.conf == a {
			return
		}
	}
	want := lease.Want{Owner: ct(id), MAC: mac(byte(id)), Bridge: "vmbr0"}
	if g.conf.IsValid() {
		want.Current = netip.PrefixFrom(g.conf, 24)
	}
	_ = m.update(func(tb *lease.Table) error {
		return tb.Move(m.world(), m.claim(), lease.Key{Segment: m.pool.Segment(), Addr: a}, want)
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
