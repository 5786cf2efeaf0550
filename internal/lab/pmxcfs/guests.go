package pmxcfs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// guest is one line of .vmlist.
type guest struct {
	id      uint32
	node    string
	kind    string // qemu, lxc, openvz
	version uint32
}

// guests is the list that keeps a VMID to one place in the cluster.
type guests struct {
	byID    map[uint32]guest
	version uint32 // of the list
	counter uint32 // of all guests' versions
	shown   string // the list, made when it was last asked for; empty since it changed
}

// guestOf recognises the path of a guest's config, as path_contain_vm_config.
func guestOf(path string) (guest, bool) {
	part := strings.Split(path, "/")
	if len(part) != 4 || part[0] != "nodes" || part[1] == "" {
		return guest{}, false
	}
	kind, ok := map[string]string{"qemu-server": "qemu", "lxc": "lxc", "openvz": "openvz"}[part[2]]
	digits, isConf := strings.CutSuffix(part[3], ".conf")
	id, err := strconv.ParseUint(digits, 10, 32)
	if !ok || !isConf || err != nil || digits[0] < '1' || digits[0] > '9' {
		return guest{}, false
	}
	return guest{id: uint32(id), node: part[1], kind: kind}, true
}

// elsewhere is vmlist_different_vm_exists.
func (l *guests) elsewhere(g guest) bool {
	known, ok := l.byID[g.id]
	return ok && (known.kind != g.kind || known.node != g.node)
}

// register is vmlist_register_vm: every write of a config raises its version.
func (l *guests) register(g guest) {
	l.version++
	l.shown = ""
	l.counter++
	g.version = l.counter
	l.byID[g.id] = g
}

func (l *guests) remove(id uint32) {
	l.version++
	l.shown = ""
	delete(l.byID, id)
}

// list is the content of .vmlist.
func (l *guests) list() string {
	if l.shown == "" {
		l.shown = l.made()
	}
	return l.shown
}

func (l *guests) made() string {
	if len(l.byID) == 0 {
		return fmt.Sprintf("{\n\"version\": %d\n\n}\n", l.version)
	}
	// In no order that means anything, like GHashTable's.
	scatter := func(id uint32) uint32 { return id * 2654435769 }
	order := func(a, b uint32) int { return cmp.Compare(scatter(a), scatter(b)) }
	b := fmt.Appendf(make([]byte, 0, 64+64*len(l.byID)), "{\n\"version\": %d,\n\"ids\": {\n", l.version)
	for i, id := range slices.SortedFunc(maps.Keys(l.byID), order) {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		g := l.byID[id]
		b = append(strconv.AppendUint(append(b, '"'), uint64(id), 10), `": { "node": "`...)
		b = append(append(append(b, g.node...), `", "type": "`...), g.kind...)
		b = append(strconv.AppendUint(append(b, `", "version": `...), uint64(g.version), 10), " }"...)
	}
	return string(append(b, "}\n\n}\n"...))
}
