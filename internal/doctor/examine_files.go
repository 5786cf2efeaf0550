package doctor

import (
	"fmt"
	"path"
	"strings"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// hookscripts: Proxmox starts no guest whose hookscript is missing.
func (x *examination) hookscripts() {
	for _, s := range x.Scripts {
		where := report.Clean(s.Path)
		if s.Path == "" {
			where = report.Clean(s.Volume)
		}
		if s.Node != x.Node {
			where += " on " + report.Clean(s.Node)
		}
		switch {
		case s.Unseen: // told by the nodes' check
		case s.Problem != "":
			x.broken(s, where)
		case s.Trust != nil:
			x.fault(evidence.Wrong, "hookscript", s.Trust)
		case s.Differs:
			x.say(evidence.Doubtful, "hookscript", where+" is another version or build than this program, "+report.Clean(x.Program), "if this one is the newer",
				fmt.Sprintf("install -m 755 %s %s", report.Clean(x.Program), report.Clean(s.Path)))
		default:
			x.say(evidence.OK, "hookscript", fmt.Sprintf("%s is executable (%s)", where, ui.Plural(len(s.Guests), "guest")), "")
		}
	}
}

// broken: a file that Proxmox will not run.
func (x *examination) broken(s evidence.Script, where string) {
	grade, what := evidence.Wrong, fmt.Sprintf("%s can't start", ui.Plural(len(s.Guests), "guest"))
	if len(s.Guests) == 0 {
		grade, what = evidence.Doubtful, "no guest that has it could start there"
	}
	text := fmt.Sprintf("%s %s: %s", where, s.Problem, what)
	at := ""
	if s.Node != x.Node {
		at = "on " + report.Clean(s.Node) + ", "
	}
	switch {
	case s.Path == "" || s.Problem == evidence.NotHere(s.Volume):
		x.say(grade, "hookscript", text, at+"put the hookscript on a storage that every node has, as local:snippets/pve-iplease is, and set it for the guests")
	case s.Problem == evidence.NotExecutable:
		x.say(grade, "hookscript", text, at+"make it executable", "chmod 755 "+report.Clean(s.Path))
	case x.Program == packagedProgram && s.Volume == usual:
		x.say(grade, "hookscript", text, at+"let the package make it", "dpkg-reconfigure pve-iplease")
	default:
		x.say(grade, "hookscript", text, at+"install it", fmt.Sprintf("install -D -m 755 %s %s", report.Clean(x.Program), report.Clean(s.Path)))
	}
}

// config: what a start only warns of is an error here, if a word is unknown:
// it was meant to do something.
func (x *examination) config() {
	for _, p := range x.Problems {
		grade := evidence.Wrong
		if p.Warning && !p.Unknown {
			grade = evidence.Doubtful
		}
		x.say(grade, "config", report.Clean(p.Error()), "")
	}
	switch {
	case len(x.Pools) == 0:
		if len(x.Problems) == 0 {
			x.say(evidence.Doubtful, "config", report.Clean(x.File)+" has no pool: nothing is leased", "write one into it")
		}
	case len(x.serving("")) == 0:
		x.say(evidence.Doubtful, "config", fmt.Sprintf("none of the pools in %s serves node %s: nothing is leased here", report.Clean(x.File), report.Clean(x.Node)),
			"see 'nodes' of the pools")
	case len(x.Problems) == 0:
		x.say(evidence.OK, "config", fmt.Sprintf("%s: %s, %d for this node; %s", report.Clean(x.File), ui.Plural(named(x.Pools), "pool"), named(x.serving("")), ui.Plural(x.Reserved, "reservation")), "")
	}
}

// named counts pools by their names: one of both families is two.
func named(pools []lease.Pool) int {
	names := map[string]bool{}
	for _, p := range pools {
		names[p.Name] = true
	}
	return len(names)
}

// files: what others can write, others can make root do.
func (x *examination) files() {
	for _, l := range x.Loose {
		x.say(evidence.Wrong, "files", l.Path+" "+l.Why, "", l.Run)
	}
	if len(x.Loose) == 0 {
		x.say(evidence.OK, "files", "nobody but root can change what root goes by", "")
	}
}

// rights: those of who looks, which are a hook's when it is root.
func (x *examination) rights() {
	switch {
	case !x.Rights.NetRaw:
		x.say(evidence.Wrong, "rights", "this process may not send ARP packets (CAP_NET_RAW): nothing can be proved free", "run it as root, as Proxmox runs the hook")
	case !x.Rights.Root:
		x.say(evidence.Doubtful, "rights", "this process is not root: what it can't read is missing here", "run it as root, as Proxmox runs the hook")
	default:
		x.say(evidence.OK, "rights", "root, and may send ARP packets", "")
	}
}

// guests: whether their configs can be read, and addresses reach them.
func (x *examination) guests() {
	hooked := 0
	for _, g := range x.Inventory.Guests {
		if g.Hooked {
			hooked++
		}
	}
	switch {
	case x.Mount != "":
	case x.Inventory.Guests == nil:
		text := "the guests' configs can't be read"
		if x.Unlisted != "" {
			text += " (" + report.Clean(x.Unlisted) + ")"
		}
		x.say(evidence.Wrong, "guests", text+": which addresses they have is not known", "", "ls -l "+path.Join("/etc/pve/nodes", x.Node))
	case len(x.Inventory.Unread) > 0:
		x.unread()
	case !x.Inventory.Complete:
		x.say(evidence.Doubtful, "guests", "some guests' configs can't be read: no guest is called gone until they can", "see that root can read every file", "ls -l /etc/pve/nodes/*")
	default:
		x.say(evidence.OK, "guests", fmt.Sprintf("%s on all nodes, %d with the hook", ui.Plural(len(x.Inventory.Guests), "guest"), hooked), "")
	}
	for _, id := range x.Plain {
		x.say(evidence.Doubtful, "guests", fmt.Sprintf("CT %s has the ostype unmanaged: Proxmox writes no network files into it, and its address will not reach it", id),
			"name the system that is inside, like debian, if Proxmox knows it", fmt.Sprintf("pct set %s --ostype debian", id))
	}
}

// unreadShown bounds how much of what can't be read is named.
const unreadShown = 5

// unread: what of the inventory can't be read. Who starts goes by what it last
// said; where that is not known either, nothing new starts without a proof.
func (x *examination) unread() {
	for i, u := range x.Inventory.Unread {
		if i == unreadShown {
			x.say(evidence.Doubtful, "guests", fmt.Sprintf("and %d more that can't be read", len(x.Inventory.Unread)-i), "")
			return
		}
		text := report.Sentence(u.String())
		if u.Known {
			x.say(evidence.Doubtful, "guests", text+", and no guest is called gone", "see that root can read it", lookAt(u))
			continue
		}
		x.say(evidence.Doubtful, "guests", text+": "+u.Allows()+", and no guest is called gone", "see that root can read it", lookAt(u))
	}
}

// lookAt is the command that shows what can't be read.
func lookAt(u lease.Unread) string {
	switch {
	case u.Part == lease.OwnAddresses:
		return "ip address"
	case u.Part == lease.NodeAddresses:
		return "cat /etc/pve/.members"
	case u.Part == lease.SDNAddresses:
		return "ls -l /etc/pve/sdn/pve-ipam-state.json /etc/pve/priv/ipam.db"
	case strings.HasPrefix(u.What, "/"):
		return "ls -l " + report.Clean(u.What)
	}
	return "cat /etc/pve/.vmlist"
}
