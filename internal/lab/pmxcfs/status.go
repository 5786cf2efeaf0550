package pmxcfs

import (
	"fmt"
	"maps"
	"strings"
)

// watched are some of the files whose changes .version counts.
func watched() []string {
	return []string{"corosync.conf", "storage.cfg", "user.cfg", "datacenter.cfg", "ha/resources.cfg", "sdn/ipams.cfg", "sdn/pve-ipam-state.json"}
}

func (t *tree) changed(path string) { t.changes[path]++ }

// recount gives all guests new versions, as memdb_recreate_vmlist at start.
func (t *tree) recount() {
	old := t.guests
	t.guests = guests{byID: map[uint32]guest{}}
	for _, g := range old.byID {
		t.guests.register(g)
	}
}

// status is the content of one of the files that pmxcfs generates. It makes
// them anew whenever somebody asks for their attributes, and reads show what
// was made last, piece by piece (cfs-plug-func.c).
func (n *Node) status(name string, anew bool) (content string, ok bool) {
	var make func(*tree) string
	switch name {
	case ".version":
		make = n.versions
	case ".members":
		make = n.members
	case ".vmlist":
		make = n.list
	default:
		return "", false
	}
	if !anew {
		n.c.look(n, func(*tree) { content = n.shown[name] })
		return content, true
	}
	n.c.look(n, func(t *tree) {
		content = make(t)
		n.shown[name] = content
	})
	return content, true
}

// Unlist leaves a guest out of the node's next so many lists: who moves a
// config takes it out of the list and then enters it anew (memdb_rename), and
// the list may be asked for in between.
func (n *Node) Unlist(id uint32, times int) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.unlisted[id] = times
}

func (n *Node) list(t *tree) string {
	if len(n.unlisted) == 0 {
		return t.guests.list()
	}
	g := guests{byID: maps.Clone(t.guests.byID), version: t.guests.version}
	for id, times := range n.unlisted {
		if times > 0 {
			n.unlisted[id]--
			delete(g.byID, id)
		}
	}
	return g.list()
}

func (n *Node) versions(t *tree) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\"starttime\": %d,\n\"clinfo\": 1,\n\"vmlist\": %d,\n", n.started.Unix(), t.guests.version)
	for _, path := range watched() {
		fmt.Fprintf(&b, "%q: %d,\n", path, t.changes[path]+1)
	}
	b.WriteString("\"kvstore\": {\n}\n}\n")
	return b.String()
}

func (n *Node) members(*tree) string {
	if n.c.local() {
		return fmt.Sprintf("{\n\"nodename\": %q,\n\"version\": 1\n}\n", n.name)
	}
	var lines []string
	online, quorate := map[bool]int{true: 1}, 0
	if n.quorate {
		quorate = 1
	}
	for _, o := range n.c.nodes {
		lines = append(lines, fmt.Sprintf("  %q: { \"id\": %d, \"online\": %d, \"ip\": \"192.0.2.%d\"}", o.name, o.id, online[o.cut == n.cut], o.id))
	}
	return fmt.Sprintf("{\n\"nodename\": %q,\n\"version\": 1,\n\"cluster\": { \"name\": %q, \"version\": 1, \"nodes\": %d, \"quorate\": %d },\n\"nodelist\": {\n%s\n  }\n}\n",
		n.name, n.c.name, len(n.c.nodes), quorate, strings.Join(lines, ",\n"))
}
