package probe

import (
	"net/netip"
	"slices"

	"pve-iplease/internal/lease"
)

// window gathers what is heard while a question is open. It has no clock and
// no socket: frames go in, verdicts come out.
type window struct {
	question Question
	own      map[lease.MAC]bool
	users    map[netip.Addr][]voice // who has the address
	rivals   map[netip.Addr][]voice // who wants it
	gateways map[netip.Addr]lease.MAC
	asked    map[netip.Addr]bool       // gateways: what one said before does not count as life
	senders  map[netip.Addr]netip.Addr // from which address each is asked; see settleIn
	sent     int
	hears    int // how many addresses the wire lets us hear about
}

// voice is one foreign host that spoke of an address.
type voice struct {
	mac, source lease.MAC
	deed        string // "answers", "announces it", "probes for it too"
}

// maxVoices bounds what a flood of invented senders can make us keep.
const maxVoices = 16

func newWindow(q Question, bridge lease.MAC) *window {
	w := &window{
		question: q, own: map[lease.MAC]bool{bridge: true},
		users: make(map[netip.Addr][]voice), rivals: make(map[netip.Addr][]voice),
		gateways: make(map[netip.Addr]lease.MAC), asked: make(map[netip.Addr]bool),
		senders: make(map[netip.Addr]netip.Addr),
	}
	for _, m := range q.Own {
		w.own[m] = true
	}
	return w
}

// hear takes in one frame; one that cannot be read is no evidence.
func (w *window) hear(frame []byte) {
	said, err := parseWord(frame)
	if err != nil || w.own[said.speaker] {
		return
	}
	if w.asked[said.sender] && w.gateway(said.sender) {
		w.gateways[said.sender] = said.speaker
	}
	switch {
	case w.candidate(said.sender):
		note(w.users, said.sender, said.use())
	case said.isProbe() && w.candidate(said.target):
		note(w.rivals, said.target, voice{said.speaker, said.source, "probes for it too"})
	}
}

// isProbe tells the form of a request that RFC 5227 §2.1.1 and RFC 4862 §5.4.2
// give to a host that wants the address.
func (s word) isProbe() bool { return s.request && s.sender.IsUnspecified() }

// use is the voice of the host that has the packet's sender address.
func (s word) use() voice {
	deed := "answers"
	switch {
	case s.sender == s.target:
		deed = "announces it"
	case s.request:
		deed = "uses it"
	}
	return voice{s.speaker, s.source, deed}
}

func note(book map[netip.Addr][]voice, a netip.Addr, v voice) {
	known := func(o voice) bool { return o.mac == v.mac }
	if len(book[a]) < maxVoices && !slices.ContainsFunc(book[a], known) {
		book[a] = append(book[a], v)
	}
}

func (w *window) candidate(a netip.Addr) bool {
	return slices.Contains(w.question.Candidates, a)
}

func (w *window) gateway(a netip.Addr) bool {
	return slices.ContainsFunc(w.question.Gateways, func(g Gateway) bool { return g.Addr == a })
}

// needless reports whether a planned packet has nothing left to find out.
func (w *window) needless(a netip.Addr) bool {
	if w.senders[a] == a {
		return true
	}
	if w.gateway(a) && !w.candidate(a) {
		return !w.gateways[a].IsZero()
	}
	return len(w.users[a]) > 0
}

// settled reports whether listening on cannot change any verdict: all are
// taken. That all are silent is never settled early.
func (w *window) settled() bool {
	taken := func(a netip.Addr) bool { return len(w.users[a]) > 0 }
	if len(w.question.Candidates) == 0 {
		return len(w.gateways) == len(w.question.Gateways)
	}
	return !slices.ContainsFunc(w.question.Candidates, func(a netip.Addr) bool { return !taken(a) })
}
