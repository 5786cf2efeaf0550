package evidence

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/pve"
)

// Script is a hookscript volume of ours on one node, and what is wrong with
// its file there; Proxmox refuses to start a guest without it
// (PVE::GuestHelpers, check_hookscript).
type Script struct {
	Volume  string
	Node    string
	Path    string     // as the node calls it; empty: nowhere
	Guests  []pve.VMID // of that node that have it
	Problem string     // empty: none that can be seen from here
	Unseen  bool       // the file is on a disk of that other node
	Trust   error      // why root should not run the file; nil: it may, or was not looked at
	Differs bool       // it is not the program that looks
}

// Scripts looks at the hookscripts that are ours, on each node where guests
// have one.
func (e *Snapshot) Scripts(read ReadGuest, path func(string) string) []Script {
	type place struct{ volume, node string }
	used := map[place][]pve.VMID{}
	for id, g := range e.Inventory.Guests {
		if !g.Hooked {
			continue
		}
		data, err := read(g)
		if err != nil {
			e.remark("guest configs", "%v", err)
			continue
		}
		p := place{guest.Parse(g.Kind, data).Hookscript(), g.Node}
		used[p] = append(used[p], id)
	}
	storages := ReadStorages(path)
	var all []Script
	for p, ids := range used {
		slices.Sort(ids)
		s := NewScript(storages, p.volume, p.node, e.Node, path)
		s.Guests = ids
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Script) int {
		return cmp.Or(cmp.Compare(a.Volume, b.Volume), cmp.Compare(a.Node, b.Node))
	})
	return all
}

// ScriptFor looks for one hookscript on one node.
func (e *Snapshot) ScriptFor(volume, node string, path func(string) string) Script {
	return NewScript(ReadStorages(path), volume, node, e.Node, path)
}

// NewScript looks for a volume's file on a node. On another node's own disk it
// can't be seen.
func NewScript(storages []Storage, volume, node, here string, path func(string) string) Script {
	id, file, _ := strings.Cut(volume, ":")
	_, name, _ := strings.Cut(file, "/")
	s := Script{Volume: volume, Node: node}
	i := slices.IndexFunc(storages, func(st Storage) bool { return st.name == id })
	switch {
	case i < 0 || storages[i].dir == "":
		s.Problem = "is on a storage that has no directory"
		return s
	case !storages[i].on(node):
		s.Problem = NotHere(volume)
		return s
	}
	s.Path = storages[i].snippet(name)
	if node != here && !storages[i].shared {
		s.Unseen = true
		return s
	}
	s.Problem = scriptProblem(path(s.Path))
	return s
}

func scriptProblem(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "is missing"
	case !info.Mode().IsRegular():
		return "is no file"
	case info.Mode()&0o111 == 0:
		return NotExecutable
	}
	return ""
}

// NotExecutable is a problem that chmod mends.
const NotExecutable = "is not executable"

// NotHere is the problem of a volume on a storage that its node doesn't have.
func NotHere(volume string) string {
	id, _, _ := strings.Cut(volume, ":")
	return "is on storage " + id + ", which the node doesn't have"
}
