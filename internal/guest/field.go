package guest

import (
	"strings"

	"pve-iplease/internal/pve"
)

// span is a piece of a line, in bytes.
type span struct{ from, to int }

// field reads "key: value". A key is lower-case letters and underscores, then
// digits, and touches its colon; a VM's may hold hyphens. A value is not
// empty; one of blanks alone is the last of them.
func field(kind pve.Kind, line string) (key string, value span, ok bool) {
	n := 0
	for n < len(line) && (isLower(line[n]) || n > 0 && (line[n] == '_' || line[n] == '-' && kind == pve.VM)) {
		n++
	}
	if n == 0 {
		return "", span{}, false
	}
	for n < len(line) && isDigit(line[n]) {
		n++
	}
	if n+1 >= len(line) || line[n] != ':' {
		return "", span{}, false
	}
	key, value = line[:n], trim(line, n+1)
	if value.from == value.to {
		value = span{len(line) - 1, len(line)}
	} else if key == "description" {
		return "", span{}, false // a comment in other clothes
	}
	return key, value, true
}

// rawField reads a container's "lxc.key: value" or "lxc.key = value", which
// Proxmox hands to LXC as it is.
func rawField(kind pve.Kind, line string) (key string, value span, ok bool) {
	if kind != pve.Container || !strings.HasPrefix(line, "lxc.") {
		return "", span{}, false
	}
	n := len("lxc.")
	for n < len(line) && (isLower(line[n]) || isDigit(line[n]) || strings.IndexByte("_-.", line[n]) >= 0) {
		n++
	}
	sep := n
	if sep < len(line) && line[sep] != ':' {
		sep = len(line) - len(trimLeft(line[n:]))
	}
	if n == len("lxc.") || sep == len(line) || (line[sep] != '=' && (line[sep] != ':' || sep > n)) {
		return "", span{}, false
	}
	return line[:n], trim(line, sep+1), true
}

// marksSnapshot recognises the mark of a snapshot in the making, which counts
// at the end of any line.
func marksSnapshot(line string) bool {
	s := trimRight(line)
	s, made := strings.CutSuffix(s, "prepare")
	if !made {
		if s, made = strings.CutSuffix(s, "delete"); !made {
			return false
		}
	}
	return strings.HasSuffix(trimRight(s), "snapstate:")
}

// trim returns what is left of line[from:] without the blanks around it; the
// span is empty when nothing is.
func trim(line string, from int) span {
	to := len(trimRight(line))
	if to <= from {
		return span{from, from}
	}
	return span{to - len(trimLeft(line[from:to])), to}
}
