package probe

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// A guest that is about to start is silent, so what is said in its name is said
// by somebody else: its twin, the same guest alive on a node that lost the
// cluster or on another host, or one who repeats what it once said. Switches
// with ARP suppression and EVPN's bridges answer a question to everybody from
// their cache, also for a guest that has moved away (RFC 9161 §3); a network
// may bring frames late or twice. None of them answers a question that is sent
// to the guest's own MAC alone.

// suspect is an address that somebody claimed with a MAC of the guest's own.
type suspect struct {
	addr netip.Addr
	mac  pve.MAC
}

// proofOfTwin is how many questions a twin must have answered, so that one late
// answer to an earlier question to everybody is none.
const proofOfTwin = 2

// overhear notes a claim with one of the guest's own MACs, and whether it
// answers a question that was put to that MAC.
func (w *window) overhear(said word, frame []byte) {
	if !w.candidate(said.sender) {
		return
	}
	var ports []string
	if w.trail != nil && w.trail.open {
		for _, p := range w.trail.of(frame) {
			ports = append(ports, p.name)
		}
	}
	w.stirred = w.stirred || len(w.selves) == 0 // the ear may have to be opened
	note(w.selves, said.sender, said.use(), ports...)
	s := suspect{said.sender, said.speaker}
	if w.open[s] && !said.request && said.sender != said.target {
		w.answered[s]++
		w.open[s] = false
	}
}

// suspects lists whom to ask: nobody where a stranger has the address anyway.
func (w *window) suspects() (out []suspect) {
	for _, a := range w.question.Candidates {
		for _, v := range w.selves[a] {
			if s := (suspect{a, v.mac}); len(w.users[a]) == 0 && w.answered[s] < proofOfTwin && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// twins are the voices of those who answered when they were asked themselves.
func (w *window) twins(a netip.Addr) (out []responder) {
	for _, v := range w.selves[a] {
		if w.answered[suspect{a, v.mac}] >= proofOfTwin {
			out = append(out, v)
		}
	}
	return out
}

// hearsay is why an address can't be told that was only claimed in the guest's
// own name.
func (w *window) hearsay(a netip.Addr, itself func(pve.MAC) string) string {
	v := w.selves[a][0]
	said := fmt.Sprintf("%s, which is the guest's own MAC, %s", v.mac, v.deed)
	if port := cmp.Or(v.port, itself(v.mac)); port != "" {
		said += " on port " + port
	}
	switch {
	case w.lingers != "":
		return fmt.Sprintf("%s; %s of its previous run is still there", said, w.lingers)
	case !w.accosted:
		return said + ": its twin, a cache, or its own last word"
	}
	return said + ", but not when it is asked itself: a switch's cache (ARP suppression), or a twin that can't be reached"
}

// accost asks those who spoke in the guest's name themselves: as many times as
// everybody is asked, each time that the switches bear it. Sender 0.0.0.0 keeps
// a bridge with neigh_suppress from answering even that from its cache
// (net/bridge/br_arp_nd_proxy.c).
func (p *Port) accost(ctx context.Context, w *window) (trouble error) {
	if len(w.question.Gone) == 0 || w.lingers != "" || len(w.suspects()) == 0 {
		return nil
	}
	trouble = p.attune(ctx, w) // to know the port
	due := p.budget.round(0)   // as a further window: late answers to this one come before
	for range w.question.Pace.Probes {
		for _, s := range w.suspects() {
			due = latest(due, p.spent(s.addr).packets(1))
			if err := p.listenUntilTurn(ctx, waiting{w}, s.addr, due); err != nil {
				return cmp.Or(trouble, err)
			}
			trouble = cmp.Or(trouble, p.askItself(w, s))
		}
		due = time.Now().Add(w.question.Pace.Interval)
		if err := p.listen(ctx, waiting{w}, due); err != nil || len(w.suspects()) == 0 {
			return cmp.Or(trouble, err)
		}
	}
	return cmp.Or(trouble, p.listen(ctx, waiting{w}, time.Now().Add(w.question.Pace.Wait)), p.drain(ctx, w), p.drops(w.trail, w.topic()))
}

// waiting is a window of which only the suspects are of interest.
type waiting struct{ *window }

func (w waiting) settled() bool { return len(w.suspects()) == 0 }

// askItself sends one question to a MAC alone. What has come before it is no
// answer to it.
func (p *Port) askItself(w *window, s suspect) error {
	frame, err := probeFrame(p.mac, s.addr)
	if err != nil {
		return err
	}
	copy(frame, s.mac[:])
	p.spent(s.addr).spend(time.Now())
	if err := p.wire.send(frame); err != nil {
		return fmt.Errorf("sending on %s: %w", p.name, errno(err))
	}
	w.open[s] = true
	w.accosted = true
	w.sent++
	return nil
}

// lingering is how long the kernel may take to remove a device after the
// guest's network namespace has ended.
const lingering = 2 * time.Second

// await waits until the devices of the guest's previous run are gone, and
// returns the one that isn't: what is heard before that may be the guest's last
// word, and the bridge sends what is for its MAC there.
func (p *Port) await(ctx context.Context, devices []string) (lingers string) {
	b, ok := p.bridge.(interface{ exists(string) bool })
	if !ok {
		return ""
	}
	until := time.Now().Add(lingering)
	for _, d := range devices {
		for b.exists(d) {
			if time.Now().After(until) || pause(ctx, time.Now().Add(5*time.Millisecond)) != nil {
				return d
			}
		}
	}
	return ""
}
