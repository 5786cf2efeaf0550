package doctor

import (
	"fmt"
	"slices"
	"strings"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// Examine says of each thing that must be right for guests to start, and to
// have addresses of their own, whether it is. It is pure.
func Examine(s *Setup) []evidence.Check {
	x := &examination{Setup: s}
	for _, look := range []func(){
		x.cluster, x.nodes, x.hookscripts, x.config, x.ledger, x.bridges, x.gateways, x.filters, x.guests, x.files, x.rights, x.clock,
	} {
		look()
	}
	return x.checks
}

// examination is one Setup being judged.
type examination struct {
	*Setup
	checks []evidence.Check
}

// say adds a check. What is done about it is a sentence, which may be empty,
// and commands to paste.
func (x *examination) say(g evidence.Grade, about, text, how string, lines ...string) {
	c := evidence.Check{Grade: g, About: about, Text: text}
	if how != "" || len(lines) > 0 {
		c.Do = []evidence.Step{{What: "do", How: how, Lines: lines}}
	}
	x.checks = append(x.checks, c)
}

// fault adds an error's text. Errors of this program end in the command that
// helps: "…; run 'pve-iplease repair'".
func (x *examination) fault(g evidence.Grade, about string, err error) {
	text := report.Clean(err.Error())
	if fact, command, ok := strings.Cut(text, "; run '"); ok && strings.Count(command, "'") > 0 {
		run, rest, _ := strings.Cut(command, "'")
		x.say(g, about, fact, strings.TrimSpace(rest), run)
		return
	}
	x.say(g, about, text, "")
}

// cluster: without /etc/pve nothing starts, without quorum nothing new.
func (x *examination) cluster() {
	switch {
	case x.Mount != "":
		x.say(evidence.Wrong, "cluster", x.Mount+": no guest can start", "see why Proxmox's cluster file system is down, and start it",
			"journalctl -b -u pve-cluster -n 30", "systemctl restart pve-cluster")
	case x.Quorum != "":
		x.say(evidence.Wrong, "cluster", x.Quorum+": a guest that needs a new address can't start", "see which nodes are missing", "pvecm status")
	case x.Cluster == "":
		x.say(evidence.OK, "cluster", "/etc/pve can be written; this host is in no cluster", "")
	default:
		x.say(evidence.OK, "cluster", fmt.Sprintf("/etc/pve can be written (cluster %s, %s)", report.Clean(x.Cluster), ui.Plural(len(x.Nodes), "node")), "")
	}
}

// nodes: the others, of which only the ledger tells.
func (x *examination) nodes() {
	var same []string
	for _, n := range x.Nodes {
		switch info, known := x.info(n); {
		case len(x.Members) > 0 && !slices.Contains(x.Members, n):
			x.stray(n)
		case n == x.Node || x.Table == nil:
		case !known:
			x.unseen(n)
		case info.Version == x.Version:
			same = append(same, report.Clean(n))
		default:
			x.say(evidence.Doubtful, "nodes", fmt.Sprintf("node %s last used the ledger with version %s, this program is %s", report.Clean(n), report.Clean(info.Version), x.Version),
				"install the same version on both", "ssh root@"+report.Clean(n)+" pve-iplease doctor")
		}
	}
	if len(same) > 0 {
		x.say(evidence.OK, "nodes", fmt.Sprintf("%s used the ledger with this version, %s", strings.Join(same, ", "), x.Version), "")
	}
}

func (x *examination) info(node string) (lease.NodeInfo, bool) {
	if x.Table == nil {
		return lease.NodeInfo{}, false
	}
	info, known := x.Table.Nodes[node]
	return info, known
}

// stray: a directory of a node that left.
func (x *examination) stray(n string) {
	guests := 0
	for _, g := range x.Inventory.Guests {
		if g.Node == n {
			guests++
		}
	}
	if guests > 0 {
		x.say(evidence.Doubtful, "nodes", fmt.Sprintf("node %s is no member of the cluster, but the configs of %s are still there: their addresses count as taken",
			report.Clean(n), ui.Plural(guests, "guest")), "if it has left for good", "rm -r /etc/pve/nodes/"+report.Clean(n))
	}
}

// unseen: nothing tells whether a node is set up at all.
func (x *examination) unseen(n string) {
	waiting := 0
	for _, s := range x.Scripts {
		if s.Node == n {
			waiting += len(s.Guests)
		}
	}
	text := fmt.Sprintf("node %s has never used the ledger: whether the hookscript is there can't be seen from here", report.Clean(n))
	if waiting > 0 {
		text += fmt.Sprintf(", and %s there won't start without it", ui.Plural(waiting, "guest"))
	}
	x.say(evidence.Doubtful, "nodes", text, "ask there; if the program is missing, install it", "ssh root@"+report.Clean(n)+" pve-iplease doctor")
}
