package probe

import (
	"cmp"
	"net/netip"
	"time"
)

// look is what one look at the bridge showed.
type look struct {
	view
	err error
}

func (p *Port) look() look {
	v, err := p.bridge.look()
	return look{v, err}
}

// fresh is how long the look with which a port was opened serves: a claim that
// doesn't wait for the ledger's lock takes a few milliseconds.
const fresh = 50 * time.Millisecond

// lookBefore is how the bridge is before a window.
func (p *Port) lookBefore() look {
	if time.Since(p.opened) < fresh {
		return p.opening
	}
	return p.look()
}

// conclude looks at the bridge once more and gives the verdicts. resident says
// that the questions were such as neigh_suppress lets pass.
func (p *Port) conclude(w *window, before look, resident bool, trouble error) Result {
	after := p.look()
	before.resident, after.resident = resident, resident
	closed, doubt := p.weigh(before.view, after.view, cmp.Or(before.err, after.err, trouble))
	var missed []netip.Addr
	if doubt == "" {
		missed, doubt = w.silentGateways(closed)
	}
	return Result{
		Answers:  w.answers(doubt, p.itself),
		Gateways: w.gateways,
		Posers:   w.posers,
		Missed:   missed,
		Doubt:    doubt,
		Closed:   closed,
		Sent:     w.sent,
	}
}

// weigh finds whether silence proves something: the bridge could carry probes
// at both ends of the window, and nothing happened between.
func (p *Port) weigh(before, after view, trouble error) (closed bool, doubt string) {
	if trouble != nil {
		return false, trouble.Error()
	}
	closed, early := before.judge(p.declared)
	stillClosed, late := after.judge(p.declared)
	opened := view{bridge: p.name, mac: p.bridgeMAC, ports: before.ports} // as it was when we opened
	return closed && stillClosed, cmp.Or(early, late, opened.changed(after), p.unasked)
}
