package evidence

import (
	"os"
	"slices"
	"strings"
)

// Storage is what storage.cfg says of one storage that files can lie on.
type Storage struct {
	name   string
	kind   string
	dir    string   // where it is mounted; empty: it is no directory
	snip   string   // the folder of snippets in it
	shared bool     // every node sees the same files
	nodes  []string // that have it; empty: all
}

// localDir is where the storage local always is.
const localDir = "/var/lib/vz"

// storageConfig is the same on all nodes.
const storageConfig = "/etc/pve/storage.cfg"

// networked are the kinds that Proxmox mounts itself, below /mnt/pve, with the
// same files on every node (PVE::Storage::NFSPlugin and its like).
var networked = []string{"nfs", "cifs", "cephfs", "glusterfs"}

// ReadStorages reads storage.cfg; without one there is local alone.
func ReadStorages(path func(string) string) []Storage {
	data, _ := os.ReadFile(path(storageConfig))
	return parseStorages(string(data))
}

// parseStorages reads sections "TYPE: NAME" with indented properties. local is
// there without being named, and on every node; a section that gives it another
// type or path is passed over as a whole (PVE::Storage::Plugin, parse_config).
func parseStorages(cfg string) []Storage {
	var all []Storage
	for line := range strings.Lines(cfg) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ' && line[0] != '\t':
			kind, name, _ := strings.Cut(line, ":")
			s := Storage{name: strings.TrimSpace(name), kind: kind, snip: "snippets", shared: slices.Contains(networked, kind)}
			if s.shared {
				s.dir = "/mnt/pve/" + s.name
			}
			all = append(all, s)
		case len(all) > 0:
			all[len(all)-1].set(line)
		}
	}
	local := Storage{name: "local", kind: "dir", dir: localDir, snip: "snippets"}
	return append(slices.DeleteFunc(all, func(s Storage) bool {
		if s.name == "local" && s.kind == "dir" && (s.dir == "" || s.dir == localDir) {
			local.snip, local.shared = s.snip, s.shared
		}
		return s.name == "local"
	}), local)
}

// set takes one property.
func (s *Storage) set(line string) {
	key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	value = strings.TrimSpace(value)
	switch key {
	case "path":
		s.dir = value
	case "shared":
		s.shared = value == "1"
	case "nodes":
		s.nodes = strings.Split(value, ",")
	case "content-dirs":
		for d := range strings.SplitSeq(value, ",") {
			if folder, ok := strings.CutPrefix(d, "snippets="); ok {
				s.snip = strings.Trim(folder, "/")
			}
		}
	}
}

// on reports whether a node has the storage.
func (s Storage) on(node string) bool { return len(s.nodes) == 0 || slices.Contains(s.nodes, node) }

// snippet is where a snippet's file lies.
func (s Storage) snippet(name string) string { return s.dir + "/" + s.snip + "/" + name }
