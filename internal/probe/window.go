package probe

import (
	"cmp"
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// window gathers what is heard while a question is open. It has no clock and
// no socket: frames go in, verdicts come out.
type window struct {
	question Question
	mine     pve.MAC                    // that questions are sent from
	guest    pve.MAC                    // likewise, by a port like the guest's; see Port
	own      map[pve.MAC]bool           // the guest's
	users    map[netip.Addr][]responder // who has the address
	rivals   map[netip.Addr][]responder // who wants it
	gateways map[netip.Addr]Sign
	posers   map[netip.Addr]Sign
	asked    map[netip.Addr]bool       // gateways: what one said before does not count as life
	senders  map[netip.Addr]netip.Addr // from which address each is asked; see settleIn
	planned  []sending                 // what is left of the window's packets
	sent     int
	hears    int // how many addresses the wire lets us hear about

	trail   *trail // nil: ports are unknown
	unseen  map[search]sought
	again   map[netip.Addr]int // questions since somebody was heard and the ear is open
	stirred bool               // something was heard after which the ear may have to be opened or closed

	selves   map[netip.Addr][]responder // who claims it in the guest's own name
	open     map[suspect]bool           // was asked itself, and has not answered yet
	answered map[suspect]int            // so many of such questions
	accosted bool                       // there were some
	lingers  string                     // a device of the guest's previous run; empty: none
}

// search is for the port of who has an address, or wants it.
type search struct {
	addr  netip.Addr
	rival bool
}

// sought is how far the search is for the port of somebody who spoke before
// the ear was open.
type sought uint8

const (
	toAsk   sought = iota + 1
	toHear         // again, now that it is open
	notHere        // an answer came, but by no port
)

// responder is one foreign host that spoke of an address.
type responder struct {
	mac  pve.MAC
	deed string // "answers", "announces it", "probes for it too"
	port string // of the bridge, by which it came in; empty: unknown
}

// maxVoices bounds what a flood of invented senders can make us keep, for each
// port: none takes another's place.
const maxVoices = 16

func newWindow(q Question, mine pve.MAC) *window {
	w := &window{
		question: q, mine: mine, own: make(map[pve.MAC]bool),
		users: make(map[netip.Addr][]responder), rivals: make(map[netip.Addr][]responder),
		gateways: make(map[netip.Addr]Sign), posers: make(map[netip.Addr]Sign), asked: make(map[netip.Addr]bool),
		senders: make(map[netip.Addr]netip.Addr), unseen: make(map[search]sought), again: make(map[netip.Addr]int),
		selves: make(map[netip.Addr][]responder), open: make(map[suspect]bool), answered: make(map[suspect]int),
	}
	for _, m := range q.Own {
		w.own[m] = true
	}
	return w
}

// hear takes in one frame; one that cannot be read is no evidence.
func (w *window) hear(frame []byte) {
	said, err := parseWord(frame)
	switch {
	case err != nil || said.speaker == w.mine || said.isProbe() && (w.own[said.speaker] || said.speaker == w.guest):
		return // also one of ours that the network brings back
	case w.own[said.speaker]:
		w.overhear(said, frame)
		return
	}
	if w.asked[said.sender] && w.gateway(said.sender) {
		w.life(said, frame)
	}
	switch {
	case w.candidate(said.sender):
		note(w.users, said.sender, said.use(), w.where(w.users[said.sender], search{addr: said.sender}, said.speaker, frame)...)
	case said.isProbe() && w.candidate(said.target):
		note(w.rivals, said.target, responder{mac: said.speaker, deed: probesToo}, w.where(w.rivals[said.target], search{said.target, true}, said.speaker, frame)...)
	}
}

const probesToo = "probes for it too"

// life takes in a gateway's word. It shows that the network is alive when it
// comes from outside of this node, or from a guest that is known to be the
// gateway; where ports are unknown, from anywhere.
func (w *window) life(said word, frame []byte) {
	g := said.sender
	if !w.gateways[g].MAC.IsZero() {
		return
	}
	if w.trail == nil || !w.trail.open {
		w.gateways[g] = Sign{MAC: said.speaker}
		return
	}
	for _, p := range w.trail.of(frame) {
		s := Sign{MAC: said.speaker, Port: p.name, Outside: !p.guest()}
		if s.Outside || w.isGateway(g, p) {
			w.gateways[g], w.stirred = s, true
			return
		}
		w.posers[g] = s
	}
}

// isGateway reports whether a port is that of a guest which is known to be a
// gateway.
func (w *window) isGateway(addr netip.Addr, p port) bool {
	o, _, ok := pve.PortOwner(p.name)
	return ok && slices.ContainsFunc(w.question.Gateways, func(g Gateway) bool {
		return g.Addr == addr && slices.Contains(g.Guests, o.VMID)
	})
}

// where tells by which ports a word of a MAC about a candidate came in, of which
// some voices are known. What is heard while the ear is closed is a reason to
// open it.
func (w *window) where(known []responder, s search, m pve.MAC, frame []byte) (names []string) {
	if w.trail == nil {
		return nil
	}
	if !w.trail.open {
		placed := func(v responder) bool { return v.mac == m && v.port != "" }
		if w.unseen[s] == 0 && !slices.ContainsFunc(known, placed) {
			w.unseen[s], w.stirred = toAsk, true
		}
		return nil
	}
	for _, p := range w.trail.of(frame) {
		names = append(names, p.name)
	}
	switch was := w.unseen[s]; {
	case len(names) > 0:
		delete(w.unseen, s)
		w.stirred = w.stirred || was != 0
	case w.trail.young: // it may have come before
		w.unseen[s] = toAsk
	case was != toAsk:
		w.unseen[s], w.stirred = notHere, true
	}
	return names
}

// curious reports whether the ear has to be open: for a gateway's answer, while
// a port is sought, and when somebody has a candidate, for whoever else has it, or
// claims one in the guest's name.
func (w *window) curious() bool {
	if len(w.gateways) < len(w.question.Gateways) || len(w.users) > 0 || len(w.selves) > 0 {
		return true
	}
	for _, far := range w.unseen {
		if far != notHere {
			return true
		}
	}
	return false
}

// halfHeard reports whether some that spoke of a candidate must be asked again,
// since nobody knows by which port they came.
func (w *window) halfHeard(a netip.Addr) bool {
	switch w.unseen[search{addr: a}] {
	case notHere:
		return false
	case toAsk, toHear:
		return true
	}
	return w.trail != nil && slices.ContainsFunc(w.users[a], func(v responder) bool { return v.port == "" })
}

// heardAgain is how many questions with an open ear prove as much as a window
// does.
const heardAgain = 3

// settle drops who was heard before the ear was open and never again, although
// asked often and others were.
func (w *window) settle(a netip.Addr) {
	placed := func(v responder) bool { return v.port != "" }
	if w.unseen[search{addr: a}] != notHere && w.again[a] >= heardAgain && slices.ContainsFunc(w.users[a], placed) {
		w.users[a] = slices.DeleteFunc(w.users[a], func(v responder) bool { return !placed(v) })
	}
}

// from is whom the next question is sent by. The guest's own MAC is one that
// a switch must let pass anyway, but nobody who has it could answer, and the
// network would look for him here: so it is used in turn, and no more once he
// was heard.
func (w *window) from(asGuest bool) pve.MAC {
	if asGuest && !w.guest.IsZero() && len(w.selves) == 0 && len(w.question.Gone) == 0 {
		return w.guest
	}
	return w.mine
}

// isProbe tells the form of a request that RFC 5227 §2.1.1 and RFC 4862 §5.4.2
// give to a host that wants the address.
func (s word) isProbe() bool { return s.request && s.sender.IsUnspecified() }

// use is the voice of the host that has the packet's sender address.
func (s word) use() responder {
	deed := "answers"
	switch {
	case s.sender == s.target:
		deed = "announces it"
	case s.request:
		deed = "uses it"
	}
	return responder{mac: s.speaker, deed: deed}
}

// note keeps a voice, once for each port that it came in by.
func note(book map[netip.Addr][]responder, a netip.Addr, v responder, ports ...string) {
	if len(ports) == 0 {
		ports = []string{""}
	}
	for _, v.port = range ports {
		same := func(o responder) bool { return o.mac == v.mac && (o.port == v.port || o.port == "" || v.port == "") }
		if i := slices.IndexFunc(book[a], same); i >= 0 {
			book[a][i].port = cmp.Or(book[a][i].port, v.port)
		} else if voicesBy(book[a], v.port) < maxVoices {
			book[a] = append(book[a], v)
		}
	}
}

// voicesBy counts the voices that came by a port.
func voicesBy(voices []responder, port string) (n int) {
	for _, v := range voices {
		if v.port == port {
			n++
		}
	}
	return n
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
		return !w.gateways[a].MAC.IsZero()
	}
	return slices.ContainsFunc(w.users[a], responder.outside) && !w.halfHeard(a)
}

// outside reports whether a voice came by no guest's port, as far as is known. A
// guest's word makes no question needless: it may claim everything.
func (v responder) outside() bool {
	_, _, guest := pve.PortOwner(v.port)
	return !guest
}

// settles reports whether a voice settles an address before the window's end. A
// guest's port that claims several candidates does not: it is a proxy or worse,
// and who else has them is yet to be heard.
func (w *window) settles(v responder) bool {
	claims := 0
	for _, voices := range w.users {
		claims += min(voicesBy(voices, v.port), 1)
	}
	return claims < 2 || v.outside()
}

// settled reports whether to stop listening: nothing can change any more, or
// the ear has to be opened or closed.
func (w *window) settled() bool { return w.stirred || w.over() }

// over reports whether listening on cannot change any verdict: all are taken,
// and it is known by whom. That all are silent is never over early.
func (w *window) over() bool {
	if len(w.question.Candidates) == 0 {
		return len(w.gateways) == len(w.question.Gateways)
	}
	open := func(a netip.Addr) bool { return !slices.ContainsFunc(w.users[a], w.settles) || w.halfHeard(a) }
	return !slices.ContainsFunc(w.question.Candidates, open)
}
