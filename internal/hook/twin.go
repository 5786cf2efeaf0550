package hook

import (
	"fmt"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// answerTo is what a window found out about the claimed address.
func answerTo(g lease.Grant, res probe.Result) probe.Answer {
	for _, a := range res.Answers {
		if a.Addr == g.Lease.Addr {
			return a
		}
	}
	return probe.Answer{Addr: g.Lease.Addr}
}

// hearsay reports whether somebody claimed an address in the guest's own name.
func hearsay(assignments []*assignment, answers map[*port]probe.Result) bool {
	for _, t := range assignments {
		if answerTo(t.g, answers[t.wire]).Hearsay {
			return true
		}
	}
	return false
}

// strayTwin reports whether the guest lives already, with its MAC and its
// address, where the cluster doesn't know of it. A copy that it knows of, by a
// config with the same MAC, is another guest that has the address.
func strayTwin(g lease.Grant, res probe.Result) bool {
	return answerTo(g, res).Twin && !g.DuplicateMAC
}

// twinRefusal is why a start must fail whose guest has a twin.
func twinRefusal(a probe.Answer, o pve.Owner) error {
	on := ""
	if a.Ports[0] != "" {
		on = " on port " + a.Ports[0]
	}
	return &lease.ConflictError{Addr: a.Addr, Reason: fmt.Sprintf(
		"of %s is in use by its twin: %s, the MAC of net%d, answers%s while %s is stopped here; stop the other one, on a node that lost the cluster or where a copy was restored, or give net%d here another hwaddr and ip",
		o.Guest(), a.MACs[0], o.NIC, on, o.Guest(), o.NIC,
	)}
}
