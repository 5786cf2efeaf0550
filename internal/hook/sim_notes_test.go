package hook_test

import (
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// noteOf is the name under which the hook notes something of a guest's address.
func noteOf(o pve.Owner, a netip.Addr) string {
	return strings.ReplaceAll(o.String(), "/", "-") + "-" + a.String()
}

// notes is a directory of a node.
type notes struct {
	p   *process
	dir string
}

func (p *process) notes(dir string) notes { return notes{p, dir} }

func (n notes) all() map[string]string { return n.p.n.notes[n.dir] }

func (n notes) Get(name string) (string, error) {
	text, ok := n.all()[name]
	if !ok {
		return "", fs.ErrNotExist
	}
	return text, nil
}

func (n notes) Put(name, text string) error {
	if _, ok := n.all()[name]; text == "" && !ok {
		return nil
	}
	n.p.a.At("notes in "+n.dir, name)
	if text == "" {
		delete(n.all(), name)
	} else {
		n.all()[name] = text
	}
	return nil
}

func (n notes) Names() []string { return slices.Sorted(maps.Keys(n.all())) }
