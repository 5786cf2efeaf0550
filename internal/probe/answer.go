package probe

import (
	"cmp"
	"fmt"
	"net/netip"

	"pve-iplease/internal/pve"
)

// answers turns what the window heard into verdicts. doubt is why silence
// proves nothing, or empty; itself names the bridge for those that lie on it.
func (w *window) answers(doubt string, itself func(pve.MAC) string) []Answer {
	out := make([]Answer, 0, len(w.question.Candidates))
	for _, a := range w.question.Candidates {
		w.settle(a)
		answer := Answer{Addr: a}
		switch {
		case len(w.users[a]) > 0:
			answer.Verdict = Taken
			answer.name(w.users[a], itself)
		case len(w.twins(a)) > 0:
			answer.Verdict, answer.Twin = Taken, true
			answer.name(w.twins(a), itself)
		case len(w.rivals[a]) > 0:
			answer.Verdict = Contended
			answer.name(w.rivals[a], itself)
		case len(w.selves[a]) > 0:
			answer.Verdict, answer.Reason = Unknown, w.hearsay(a, itself)
		case doubt != "":
			answer.Verdict, answer.Reason = Unknown, doubt
		default:
			answer.Verdict = Free
			answer.Reason = fmt.Sprintf("%d probes unanswered", w.question.Pace.Probes)
		}
		answer.Hearsay = len(w.selves[a]) > 0 && !answer.Twin
		out = append(out, answer)
	}
	return out
}

// name fills in who spoke, and says it in words of the first.
func (a *Answer) name(voices []responder, itself func(pve.MAC) string) {
	for _, v := range voices {
		a.MACs = append(a.MACs, v.mac)
		if v.port == "" {
			v.port = itself(v.mac)
		}
		a.Ports = append(a.Ports, v.port)
	}
	a.Reason = fmt.Sprintf("%s %s", voices[0].mac, voices[0].deed)
	if a.Ports[0] != "" {
		a.Reason += " on port " + a.Ports[0]
	}
	if n := len(voices) - 1; n > 0 {
		a.Reason += fmt.Sprintf(" (and %d more)", n)
	}
}

// silentGateways are the gateways of the question that should have answered and
// have not, and the doubt that they leave. On a closed network one is a guest,
// which may be off.
func (w *window) silentGateways(closed bool) (missed []netip.Addr, doubt string) {
	for _, g := range w.question.Gateways {
		if why := silentGateway(g.Addr, g.Known && !closed, w.gateways[g.Addr], w.posers[g.Addr]); why != "" {
			missed, doubt = append(missed, g.Addr), cmp.Or(doubt, why)
		}
	}
	return missed, doubt
}

// silentGateway is the doubt that a gateway leaves which has answered on this
// bridge before.
func silentGateway(gateway netip.Addr, due bool, heard, poser Sign) string {
	if !due || !gateway.IsValid() || !heard.MAC.IsZero() {
		return ""
	}
	if !poser.MAC.IsZero() {
		return fmt.Sprintf("gateway %s used to answer and is silent now; what answers for it is %s on port %s, which is no sign of life", gateway, poser.MAC, poser.Port)
	}
	return fmt.Sprintf("gateway %s used to answer and is silent now; a switch port may still be learning", gateway)
}
