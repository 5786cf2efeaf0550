package evidence

import (
	"os"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// SID names a guest as the high availability manager does: ct:101.
type SID struct {
	Kind pve.Kind
	VMID pve.VMID
}

// Resource is what the high availability manager is told of a guest.
type Resource struct {
	Started bool     // it is to run
	Nodes   []string // it may run on these alone; empty: on any
}

// HA are the guests that the high availability manager has.
type HA map[SID]Resource

// The files of the high availability manager. Groups became rules in Proxmox
// VE 9 (PVE::HA::Config).
const (
	haResources = "/etc/pve/ha/resources.cfg"
	haGroups    = "/etc/pve/ha/groups.cfg"
	haRules     = "/etc/pve/ha/rules.cfg"
)

// ReadHA reads them; those that are missing say nothing.
func ReadHA(path func(string) string) HA {
	text := func(file string) string {
		data, _ := os.ReadFile(path(file))
		return string(data)
	}
	return ParseHA(text(haResources), text(haGroups), text(haRules))
}

// ParseHA reads the manager's resources, groups and rules. Only what keeps a
// guest off a node counts: strict rules and restricted groups.
func ParseHA(resources, groups, rules string) HA {
	restricted := map[string][]string{}
	for _, s := range haSections(groups) {
		if s.kind == "group" && flag(s.props, "restricted") {
			restricted[s.name] = haNodes(s.props["nodes"])
		}
	}
	ha := HA{}
	for _, s := range haSections(resources) {
		sid, ok := parseSID(s.kind + ":" + s.name)
		state := s.props["state"]
		if ok && state != "ignored" {
			started := state == "" || state == "started" || state == "enabled"
			ha[sid] = Resource{Started: started, Nodes: restricted[s.props["group"]]}
		}
	}
	for _, s := range haSections(rules) {
		if s.kind != "node-affinity" || !flag(s.props, "strict") || flag(s.props, "disable") {
			continue
		}
		for word := range strings.FieldsFuncSeq(s.props["resources"], listMark) {
			if sid, ok := parseSID(word); ok {
				if r, managed := ha[sid]; managed {
					r.Nodes = haNodes(s.props["nodes"])
					ha[sid] = r
				}
			}
		}
	}
	return ha
}

// places are the nodes on which a resource may start, the one that it is on
// first.
func (r Resource) places(on string, all []string) []string {
	found := []string{on}
	for _, n := range all {
		if n != on && (len(r.Nodes) == 0 || slices.Contains(r.Nodes, n)) {
			found = append(found, n)
		}
	}
	return found
}

// haSection is a section "KIND: NAME" with indented properties.
type haSection struct {
	kind, name string
	props      map[string]string
}

// haSections reads Proxmox's section syntax (PVE::SectionConfig); a blank line
// or a new header ends a section.
func haSections(text string) (all []haSection) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		word := strings.TrimLeft(line, " \t")
		kind, name, header := strings.Cut(line, ":")
		switch {
		case word == "":
			inside = false
		case word[0] == '#':
		case word == line && header:
			all, inside = append(all, haSection{strings.ToLower(kind), strings.TrimSpace(name), map[string]string{}}), true
		case inside:
			key, value, _ := strings.Cut(word, " ")
			all[len(all)-1].props[key] = strings.TrimSpace(value)
		}
	}
	return all
}

// flag reads a boolean, which may stand without a value.
func flag(props map[string]string, key string) bool {
	v, given := props[key]
	return given && v != "0" && v != "no" && v != "off" && v != "false"
}

// haNodes reads NODE[:PRIORITY],….
func haNodes(list string) (all []string) {
	for word := range strings.FieldsFuncSeq(list, listMark) {
		name, _, _ := strings.Cut(word, ":")
		all = append(all, name)
	}
	return all
}

// listMark splits lists as PVE::Tools::split_list does.
func listMark(r rune) bool { return strings.ContainsRune(",; \t\x00", r) }

func parseSID(s string) (SID, bool) {
	kind, number, _ := strings.Cut(s, ":")
	id, err := pve.ParseVMID(strings.TrimSpace(number))
	sid := SID{VMID: id}
	if kind == "vm" {
		sid.Kind = pve.VM
	}
	return sid, err == nil && (kind == "ct" || kind == "vm")
}
