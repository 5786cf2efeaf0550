package doctor

import (
	"fmt"
	"time"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// gateways: which routers this node has heard, and so misses when they are
// silent.
func (x *examination) gateways() {
	for _, g := range x.Gateways {
		text := fmt.Sprintf("%s on %s is %s%s", g.Addr, report.Clean(pve.NewSegment(g.Bridge, g.Tag).String()), g.MAC, heardOf(g))
		switch {
		case g.Silent.IsZero():
			x.say(evidence.OK, "gateway", text, "")
		case g.Due:
			x.say(evidence.Doubtful, "gateway", fmt.Sprintf("%s, and has been silent since %s: for an hour no new lease can be proved free there", text, evidence.Stamp(g.Silent)),
				"see whether it is up; if it is gone for good, forget what was learnt", "pve-iplease doctor --forget-gateways")
		default:
			x.say(evidence.OK, "gateway", fmt.Sprintf("%s, and has been silent since %s: it is not waited for any more", text, evidence.Stamp(g.Silent)), "")
		}
	}
}

// heardOf says how a gateway was heard.
func heardOf(g node.Gateway) (text string) {
	if g.Port != "" {
		text = ", on port " + report.Clean(g.Port)
	}
	if !g.Heard.IsZero() {
		text += ", heard on " + g.Heard.Local().Format(time.DateOnly)
	}
	return text
}
