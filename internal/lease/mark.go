package lease

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/pve"
)

// A mark is a record in state Conflicted: a stranger was heard at an address,
// so others are tried before it. It is a help and no more, for every address is
// asked before it is leased; what it adds is the stranger that happens to be
// off when it is asked. Who speaks on the wire can have marks made, and each is
// a line of a file that the whole cluster shares, so they are bounded and age.
//
// Whoever can have marks made without end must not be able to push out those of
// real strangers with them. So none is pushed out within the hour in which it
// keeps its address from being tried. One start adds a few, and starts are not a
// guest's to order. What comes by a guest's own port, where its node hears it
// again whenever it speaks, has a small share, in which the newest replaces the
// oldest: there a guest pushes out itself alone. What comes from elsewhere, by
// an uplink mostly, where a real printer and another node's guest look alike,
// may push out what is past its hour, the oldest first. Where that leaves no
// room the newcomer isn't marked: it is heard again when it is asked again.
const (
	markTime   = 7 * 24 * time.Hour // then a mark goes: it outlasts a long weekend
	portMarks  = 4                  // by one port of a guest
	netMarks   = 64                 // in one family of one segment
	startMarks = 6                  // of two windows: the claimed address and its spares
)

// isMark reports whether the record is a stranger's mark.
func (l *Lease) isMark() bool { return l.State == Conflicted && l.Owner.IsZero() }

// byGuest reports whether the mark's stranger was heard on a guest's port.
func (l *Lease) byGuest() bool {
	_, port, _ := strings.Cut(l.Port, ":")
	_, _, guest := pve.PortOwner(port)
	return guest
}

// speaker is who was heard, and by which port of a node: one that is no guest's
// before the others, or a guest could draw a stranger's mark into its share by
// speaking as well.
func (h Heard) speaker(node string) (by pve.MAC, port string) {
	for i, m := range h.By {
		p := ""
		if i < len(h.Ports) && h.Ports[i] != "" {
			p = node + ":" + h.Ports[i]
		}
		guest := (&Lease{Port: p}).byGuest()
		if i == 0 || !guest {
			by, port = m, p
		}
		if !guest {
			break
		}
	}
	return by, port
}

// addMark puts a mark in, if there is room for it.
func (t *Table) addMark(w *World, m Lease) {
	for _, old := range t.byAddr[m.Addr] {
		if old.isMark() && old.Segment.Overlaps(m.Segment) {
			if m.byGuest() { // it may not bring another's mark into its own share
				m.Port = old.Port
			}
			t.put(m)
			return
		}
	}
	net := t.marksBeside(&m)
	port := slices.DeleteFunc(slices.Clone(net), func(l *Lease) bool { return l.Port != m.Port })
	switch {
	case m.byGuest() && len(port) >= portMarks:
		t.dropMarks(port[:1])
	case len(net) < netMarks:
	case m.byGuest() || !w.quieted(net[0]):
		return
	default:
		t.dropMarks(net[:1])
	}
	t.put(m)
}

// marksBeside lists the marks that count against one bound with m, the oldest
// first.
func (t *Table) marksBeside(m *Lease) []*Lease {
	var found []*Lease
	for _, l := range t.all {
		if l.isMark() && l.Segment == m.Segment && pve.FamilyOf(l.Addr) == pve.FamilyOf(m.Addr) {
			found = append(found, l)
		}
	}
	slices.SortStableFunc(found, func(x, y *Lease) int { return cmp.Compare(x.Gen, y.Gen) })
	return found
}

// quieted reports whether a mark no longer keeps its address from being tried.
func (w *World) quieted(l *Lease) bool { return age(w.Now, l.Since) >= askAgain }

// ForgetMarks ends the marks that are past their time, and those that are more
// than the bounds allow, as an older version left them, and lists them.
func (t *Table) ForgetMarks(w World) []Lease { return t.forgetMarks(&w, markTime) }

// ReclaimMarks is ForgetMarks at an administrator's word: of every mark that no
// longer keeps its address from being tried.
func (t *Table) ReclaimMarks(w World) []Lease { return t.forgetMarks(&w, askAgain) }

func (t *Table) forgetMarks(w *World, after time.Duration) []Lease {
	var old, young []*Lease
	for _, l := range t.all {
		switch {
		case !l.isMark():
		case age(w.Now, l.Since) >= after:
			old = append(old, l)
		default:
			young = append(young, l)
		}
	}
	old = append(old, surplus(w, young)...)
	forgotten := make([]Lease, len(old))
	for i, l := range old {
		forgotten[i] = *l
	}
	t.dropMarks(old)
	t.presentMarks(w, young)
	return forgotten
}

// surplus lists what must go of marks so that their bounds hold: the oldest of
// those past their hour, and then, as when they came, the newest.
func surplus(w *World, marks []*Lease) (out []*Lease) {
	type share struct {
		segment pve.Segment
		family  pve.Family
	}
	if len(marks) <= netMarks {
		return nil
	}
	shares := map[share][]*Lease{}
	for _, l := range marks {
		s := share{l.Segment, pve.FamilyOf(l.Addr)}
		shares[s] = append(shares[s], l)
	}
	for _, of := range shares {
		slices.SortFunc(of, func(x, y *Lease) int {
			if a, b := w.quieted(x), w.quieted(y); a != b {
				return map[bool]int{true: -1, false: 1}[a]
			} else if a {
				return cmp.Compare(x.Gen, y.Gen)
			}
			return cmp.Compare(y.Gen, x.Gen)
		})
		out = append(out, of[:max(0, len(of)-netMarks)]...)
	}
	return out
}

// presentMarks makes stamps from the future count from now on, or such a mark
// would never age.
func (t *Table) presentMarks(w *World, marks []*Lease) {
	for _, l := range marks {
		if l.Since.After(w.Now) {
			l.Since, t.changed = w.Now.Truncate(time.Second), true
		}
	}
}

// dropMarks removes marks, and nothing else of their addresses.
func (t *Table) dropMarks(marks []*Lease) {
	if len(marks) == 0 {
		return
	}
	gone := make(map[*Lease]bool, len(marks))
	for _, l := range marks {
		gone[l] = true
		if t.byAddr[l.Addr] = without(slices.Clone(t.byAddr[l.Addr]), l); len(t.byAddr[l.Addr]) == 0 {
			delete(t.byAddr, l.Addr)
		}
	}
	t.all = slices.DeleteFunc(t.all, func(l *Lease) bool { return gone[l] })
	t.changed = true
}

// marked counts the marks that addresses of a segment have.
func (t *Table) marked(seg pve.Segment, addrs []netip.Addr) (n int) {
	for _, a := range addrs {
		if slices.ContainsFunc(t.byAddr[a], func(l *Lease) bool { return l.isMark() && l.Segment.Overlaps(seg) }) {
			n++
		}
	}
	return n
}
