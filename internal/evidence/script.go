package evidence

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
)

// Script is a hookscript volume of ours, and what is wrong with its file on
// this node; Proxmox refuses to start a guest without it
// (PVE::GuestHelpers, check_hookscript).
type Script struct {
	Volume  string
	Path    string // as the host calls it
	Guests  []lease.VMID
	Problem string // empty: it is in order
}

// Scripts looks at the hookscripts of this node's guests that are ours.
func (e *Estate) Scripts(read ReadGuest, path func(string) string) []Script {
	found := map[string]*Script{}
	for id, g := range e.Inventory.Guests {
		if !g.Hooked || g.Node != e.Node {
			continue
		}
		data, err := read(g)
		if err != nil {
			e.remark("guest configs", "%v", err)
			continue
		}
		volume := guest.Parse(g.Kind, data).Hookscript()
		if found[volume] == nil {
			found[volume] = newScript(volume, path)
		}
		found[volume].Guests = append(found[volume].Guests, id)
	}
	var all []Script
	for _, s := range found {
		slices.Sort(s.Guests)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Script) int { return cmp.Compare(a.Volume, b.Volume) })
	return all
}

func newScript(volume string, path func(string) string) *Script {
	storage, name, _ := strings.Cut(volume, ":")
	s := &Script{Volume: volume}
	cfg, _ := os.ReadFile(path("/etc/pve/storage.cfg"))
	dir := storagePath(string(cfg), storage)
	if dir == "" {
		s.Problem = "is on a storage that storage.cfg gives no directory,"
		return s
	}
	s.Path = dir + "/" + name
	info, err := os.Stat(path(s.Path))
	switch {
	case err != nil:
		s.Problem = "is missing"
	case !info.Mode().IsRegular():
		s.Problem = "is no file"
	case info.Mode()&0o111 == 0:
		s.Problem = "is not executable"
	}
	return s
}

// storagePath finds the directory of a storage in storage.cfg, sections of
// "TYPE: NAME" with indented properties. local is there without being named,
// and network file systems are mounted where Proxmox likes
// (PVE::Storage::Plugin, parse_config; NFSPlugin).
func storagePath(cfg, name string) string {
	dir, here := "", false
	for line := range strings.Lines(cfg) {
		if line[0] != ' ' && line[0] != '\t' {
			kind, id, _ := strings.Cut(strings.TrimSpace(line), ": ")
			here = strings.TrimSpace(id) == name && name != ""
			if here && slices.Contains([]string{"nfs", "cifs", "cephfs", "glusterfs"}, kind) {
				dir = "/mnt/pve/" + name
			}
			continue
		}
		if word := strings.Fields(line); here && len(word) == 2 && word[0] == "path" {
			dir = word[1]
		}
	}
	if dir == "" && name == "local" {
		dir = "/var/lib/vz"
	}
	return dir
}
