package probe

import (
	"fmt"
	"net/netip"

	"pve-iplease/internal/lease"
)

// answers turns what the window heard into verdicts. doubt is why silence
// proves nothing, or empty; port finds the bridge port of a MAC, or "".
func (w *window) answers(doubt string, port func(lease.MAC) string) []Answer {
	out := make([]Answer, 0, len(w.question.Candidates))
	for _, a := range w.question.Candidates {
		answer := Answer{Addr: a}
		switch {
		case len(w.users[a]) > 0:
			answer.Verdict = Taken
			answer.name(w.users[a], port)
		case len(w.rivals[a]) > 0:
			answer.Verdict = Contended
			answer.name(w.rivals[a], port)
		case doubt != "":
			answer.Verdict, answer.Reason = Unknown, doubt
		default:
			answer.Verdict = Free
			answer.Reason = fmt.Sprintf("%d probes unanswered", w.question.Pace.Probes)
		}
		out = append(out, answer)
	}
	return out
}

// name fills in who spoke, and says it in words of the first.
func (a *Answer) name(voices []voice, port func(lease.MAC) string) {
	for _, v := range voices {
		a.MACs = append(a.MACs, v.mac)
		a.Ports = append(a.Ports, port(v.source))
	}
	a.Reason = fmt.Sprintf("%s %s", voices[0].mac, voices[0].deed)
	if a.Ports[0] != "" {
		a.Reason += " on port " + a.Ports[0]
	}
	if n := len(voices) - 1; n > 0 {
		a.Reason += fmt.Sprintf(" (and %d more)", n)
	}
}

// silentGateways is the doubt that gateways of the question leave. On a closed
// network one is a guest, which may be off.
func (w *window) silentGateways(closed bool) string {
	for _, g := range w.question.Gateways {
		if doubt := silentGateway(g.Addr, g.Known && !closed, w.gateways[g.Addr]); doubt != "" {
			return doubt
		}
	}
	return ""
}

// silentGateway is the doubt that a gateway leaves which has answered on this
// bridge before.
func silentGateway(gateway netip.Addr, due bool, heard lease.MAC) string {
	if !due || !gateway.IsValid() || !heard.IsZero() {
		return ""
	}
	return fmt.Sprintf("gateway %s used to answer and is silent now; a switch port may still be learning", gateway)
}
