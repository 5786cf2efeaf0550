package doctor

import (
	"fmt"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/ui"
)

// filters is what doctor says of them.
func (x *examination) filters() {
	found := x.Firewall.Traps()
	for _, t := range found {
		x.say(t.Grade, "firewall", t.Text, t.How, t.Lines...)
	}
	if len(found) == 0 && x.Firewall.Cluster.Enable && len(x.Firewall.Guests) > 0 {
		x.say(evidence.OK, "firewall", fmt.Sprintf("nothing is wrong with the address filters of %s on this node", ui.Plural(len(x.Firewall.Guests), "guest")), "")
	}
}
