package evidence

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// Start is what came of one rehearsed start of a guest with our hook.
type Start struct {
	Node     string
	Script   string   // what is wrong with the hookscript there; empty: nothing that can be seen
	Unserved []string // networks of the guest that a pool serves where it is now, and none there
	Code     int      // the hook's exit code
	Errors   []string // what the hook said, cleaned
	Warns    []string
	Before   []netip.Addr // what the guest had
	After    []netip.Addr // and has now
}

// Return says whether a guest comes back.
type Return struct {
	Guest string   `json:"guest"`
	VMID  string   `json:"vmid"`
	Node  string   `json:"node"`
	HA    bool     `json:"ha,omitempty"`
	Grade Grade    `json:"grade"`
	Code  int      `json:"code,omitempty"`  // of the start that failed
	Now   []string `json:"now,omitempty"`   // its addresses
	Then  []string `json:"then,omitempty"`  // on the node that it is on
	Nodes []string `json:"nodes,omitempty"` // where it was rehearsed
	Text  string   `json:"text"`
	Do    []Step   `json:"do,omitempty"`
}

// Return judges the starts of a guest, that on its own node first. It is pure.
func (e *Snapshot) Return(b Boot, starts []Start) Return {
	r := Return{Guest: e.guestName(pve.Owner{Kind: b.Guest.Kind, VMID: b.Guest.VMID}), VMID: b.Guest.VMID.String(), Node: report.Clean(b.Guest.Node), HA: b.HA}
	if len(starts) == 0 {
		e.unhooked(&r, b)
		return r
	}
	r.Now, r.Then = addrTexts(starts[0].Before), addrTexts(starts[0].After)
	var clauses []string
	for len(starts) > 0 {
		s := starts[0]
		nodes := []string{report.Clean(s.Node)}
		rest := starts[1:]
		for len(rest) > 0 && rest[0].says() == s.says() {
			nodes, rest = append(nodes, report.Clean(rest[0].Node)), rest[1:]
		}
		clauses = append(clauses, fmt.Sprintf(s.says(), strings.Join(nodes, " and ")))
		r.grade(s, len(r.Nodes) == 0)
		r.Nodes = append(r.Nodes, nodes...)
		starts = rest
	}
	r.Text = strings.TrimSuffix(r.Guest, " on "+r.Node) + " " + strings.Join(clauses, "; ")
	return r
}

// down reports whether the guest does not start.
func (s Start) down() bool { return s.Script != "" || s.Code != 0 }

// moved reports whether an address that it had is another one now.
func (s Start) moved() bool { return len(s.Before) > 0 && !slices.Equal(s.Before, s.After) }

// doubts are the warnings about addresses. Others are about what happens inside
// the guest, and are doctor's to tell.
func (s Start) doubts() []string {
	about := func(word string) bool {
		word, _, _ = strings.Cut(strings.Trim(word, ",;:()"), "/")
		_, err := netip.ParseAddr(word)
		return err == nil
	}
	return slices.DeleteFunc(slices.Clone(s.Warns), func(w string) bool { return !slices.ContainsFunc(strings.Fields(w), about) })
}

// says is the start in words, with %s for the node.
func (s Start) says() string {
	text := ""
	switch {
	case s.Script != "":
		text = "does not come back on %s: its hookscript " + s.Script
	case s.Code != 0:
		text = "does not come back on %s: " + strings.Join(s.Errors, "; ")
	case s.moved() && len(s.After) == 0:
		text = "comes back on %s without " + list(s.Before)
	case s.moved():
		text = "comes back on %s elsewhere, with " + list(s.After) + " in place of " + list(s.Before)
	case len(s.Before) > 0:
		text = "comes back on %s with " + list(s.After)
	case len(s.After) > 0:
		text = "comes up on %s with its first address, " + list(s.After)
	default:
		text = "comes back on %s, and has no address of a pool"
	}
	if len(s.Unserved) > 0 && !s.down() {
		text += ", which no pool proves there: none serves " + strings.Join(s.Unserved, ", ")
	}
	if doubts := s.doubts(); len(doubts) > 0 {
		text += " (" + strings.Join(doubts, "; ") + ")"
	}
	where, rest, _ := strings.Cut(text, "%s")
	return where + "%s" + strings.ReplaceAll(rest, "%", "%%")
}

// grade takes the worst of the starts, with its remedy. What fails on a node
// where the guest only may come is not as bad as on its own.
func (r *Return) grade(s Start, home bool) {
	g := OK
	switch {
	case s.down() && home:
		g = Wrong
	case s.down(), s.moved(), len(s.Unserved) > 0, len(s.doubts()) > 0:
		g = Doubtful
	}
	if s.down() && r.Code == 0 {
		r.Code = max(s.Code, 1)
	}
	if g == OK {
		return
	}
	r.Grade = max(r.Grade, g)
	for _, step := range s.remedies(r.VMID) {
		if !slices.ContainsFunc(r.Do, func(o Step) bool { return o.How == step.How }) {
			r.Do = append(r.Do, step)
		}
	}
}

// remedies are what can be done about a start that is not as it should be.
func (s Start) remedies(id string) []Step {
	one := func(what, format string, args ...any) []Step {
		return []Step{{What: what, How: fmt.Sprintf(format, args...)}}
	}
	node := report.Clean(s.Node)
	switch {
	case s.Script != "":
		return one("install", "on %s run 'pve-iplease doctor': it says how to install the hookscript", node)
	case s.Code == exhausted:
		return one("widen", "widen the pool's range, or run 'pve-iplease reclaim'")
	case len(s.Unserved) > 0 && s.Code == 0:
		return one("serve", "name %s in 'nodes' of the pool if its bridge is the same network, or keep the guest off it by a strict rule", node)
	case len(s.Before) > 0 && (s.Code == conflict || s.Code == 0):
		return one("look", "see who else has it: 'pve-iplease whohas %s'", s.Before[0])
	}
	return one("look", "see what is known of it: 'pve-iplease whohas %s'", id)
}

// Exit codes of the hook that tell what to do.
const (
	conflict  = 3
	exhausted = 4
)

// unhooked: nobody is asked when it starts.
func (e *Snapshot) unhooked(r *Return, b Boot) {
	var addrs []netip.Addr
	for _, u := range guest.Parse(b.Guest.Kind, b.Raw).Uses(b.Guest.VMID) {
		if u.Where == lease.Running {
			addrs = append(addrs, u.Addr)
		}
	}
	addrs = sorted(addrs)
	r.Now, r.Then, r.Nodes = addrTexts(addrs), addrTexts(addrs), []string{r.Node}
	for _, a := range addrs {
		if v := Judge(e.About(a, nil, nil)); v.Severity == Conflict {
			r.Grade, r.Code, r.Do = Wrong, conflict, v.Do
			r.Text = fmt.Sprintf("%s starts without the hook and takes what its config says: %s", r.Guest, v.Text)
			return
		}
	}
	switch len(addrs) {
	case 0:
		r.Text = r.Guest + " starts without the hook, and its config names no address"
	default:
		r.Text = fmt.Sprintf("%s starts without the hook, with %s as its config says", r.Guest, list(addrs))
	}
}

func list(all []netip.Addr) string { return strings.Join(addrTexts(all), ", ") }

func addrTexts(all []netip.Addr) (texts []string) {
	for _, a := range all {
		texts = append(texts, a.String())
	}
	return texts
}

// Idle are the guests that have a lease and run by it, and that nobody starts
// when the power comes back.
func (e *Snapshot) Idle(boots []Boot) (idle []string) {
	for l := range e.Table.All() {
		g, exists := e.guest(l.Owner.VMID)
		starts := slices.ContainsFunc(boots, func(b Boot) bool { return b.Guest.VMID == l.Owner.VMID })
		if name := e.guestName(l.Owner); exists && g.Hooked && l.State == lease.Bound && !starts && !slices.Contains(idle, name) {
			idle = append(idle, name)
		}
	}
	return idle
}

// Remaining tells of what was heard who will be there after an outage: hosts,
// and guests that start without the hook. Those with the hook are judged anew,
// and the others stay down.
func (e *Snapshot) Remaining(heard []ProbeResult, boots []Boot) func(s pve.Segment, a netip.Addr) []pve.MAC {
	stays := func(id pve.VMID) bool {
		return slices.ContainsFunc(boots, func(b Boot) bool { return b.Guest.VMID == id && !b.Guest.Hooked })
	}
	return func(s pve.Segment, a netip.Addr) (macs []pve.MAC) {
		for _, h := range heard {
			if h.Addr != a || !e.network(pve.NewSegment(h.Segment.Bridge, h.Segment.Tag, e.Node)).Overlaps(s) {
				continue
			}
			for _, v := range h.Voices {
				host := (&AddressFacts{Snapshot: e}).identify(v.MAC, v.Port)
				if !v.Asks && !v.Proxy && (host.Owner.IsZero() || stays(host.Owner.VMID)) {
					macs = append(macs, v.MAC)
				}
			}
		}
		return macs
	}
}
