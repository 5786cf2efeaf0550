package probe

import (
	"cmp"

	"pve-iplease/internal/lease"
)

// conclude looks at the bridge once more and gives the verdicts.
func (p *Port) conclude(w *window, before view, trouble error) Result {
	after, err := p.bridge.look()
	closed, doubt := p.weigh(before, after, cmp.Or(err, trouble))
	doubt = cmp.Or(doubt, w.silentGateway(closed))
	behind := func(m lease.MAC) string { return after.name(p.bridge.locate(m)) }
	return Result{
		Answers:    w.answers(doubt, behind),
		GatewayMAC: w.gateway,
		Doubt:      doubt,
		Closed:     closed,
		Sent:       w.sent,
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
	opened := view{bridge: p.name, mac: p.mac, ports: before.ports} // as it was when we opened
	return closed && stillClosed, cmp.Or(early, late, opened.changed(after))
}
