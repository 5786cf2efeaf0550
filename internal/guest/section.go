package guest

import (
	"strings"

	"pve-iplease/internal/pve"
)

// part is the role that a section plays.
type part uint8

const (
	running   part = iota
	pending        // changes that wait for the next start
	snapshot       // what a rollback brings back
	cloudinit      // what a VM's cloud-init image says where the running part has moved on
	skipped        // replaced by a later section of that name, or none of ours
)

// section is a span of entries.
type section struct {
	part     part
	name     string
	from, to int
}

// header reads a line that begins with a bracket. A container's config takes
// every bracket line but its two kinds as part of the current section; a VM's
// skips sections that it doesn't know.
func header(kind pve.Kind, line string) (section, bool) {
	name, ok := strings.CutSuffix(trimRight(line)[1:], "]")
	switch {
	case !ok:
		return section{}, false
	case kind == pve.Container && equalFold(name, "pve:pending"):
		return section{part: pending, name: "pve:pending"}, true
	case kind == pve.VM && equalFold(name, "pending"):
		return section{part: pending, name: "pve:pending"}, true
	case kind == pve.VM && equalFold(name, "special:cloudinit"):
		return section{part: cloudinit, name: "special:cloudinit"}, true
	case isConfigID(name):
		return section{part: snapshot, name: name}, true
	}
	unknown := kind == pve.VM && !strings.Contains(name, "]")
	return section{part: skipped}, unknown
}

// isConfigID checks a snapshot's name: a letter and at least one more
// character (PVE::JSONSchema, $CONFIGID_RE).
func isConfigID(s string) bool {
	if len(s) < 2 || !isLetter(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// equalFold ignores the case of ASCII letters only: the length keeps out
// those few others that fold to one.
func equalFold(s, t string) bool { return len(s) == len(t) && strings.EqualFold(s, t) }
