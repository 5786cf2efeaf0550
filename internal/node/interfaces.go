package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pve-iplease/internal/fastio"
)

// interfacesFile is where Debian and Proxmox declare the host's network.
const interfacesFile = "/etc/network/interfaces"

// interfaces is what one file of interfaces(5) says about bridges.
type interfaces struct {
	ports       map[string][]string // declared ports by bridge
	files       []string            // patterns after source
	directories []string            // patterns after source-directory
}

// DeclaredUplinks are the ports that /etc/network/interfaces, and what it
// includes, gives a bridge: interface names, or the words of a pattern
// ("regex eth.*"). None for a bridge that is declared without a port or not
// at all. A declared port that the bridge lacks means a network that cannot be seen,
// not one that is closed.
func (h *Host) DeclaredUplinks(bridge string) []string {
	var ports []string
	queue := []string{h.Path(interfacesFile)}
	seen := map[string]bool{}
	for len(queue) > 0 && len(seen) < 1000 {
		file := queue[0]
		queue = queue[1:]
		if seen[file] {
			continue
		}
		seen[file] = true
		data, err := fastio.ReadFile(file)
		if err != nil {
			continue // a directory, or gone: ifupdown skips it too
		}
		said := parseInterfaces(string(data))
		ports = append(ports, said.ports[bridge]...)
		queue = append(queue, h.included(filepath.Dir(file), said)...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// included lists the files that a file names. In a directory hidden files are
// left out; ifupdown is pickier, but one port too many only makes us careful.
func (h *Host) included(dir string, said interfaces) []string {
	var found []string
	for _, pattern := range said.files {
		found = append(found, h.glob(dir, pattern)...)
	}
	for _, pattern := range said.directories {
		for _, d := range h.glob(dir, pattern) {
			entries, _ := os.ReadDir(d)
			for _, e := range entries {
				if !strings.HasPrefix(e.Name(), ".") {
					found = append(found, filepath.Join(d, e.Name()))
				}
			}
		}
	}
	return found
}

// glob expands a pattern, a relative one from the including file's directory.
func (h *Host) glob(dir, pattern string) []string {
	if filepath.IsAbs(pattern) {
		pattern = h.Path(pattern)
	} else {
		pattern = filepath.Join(dir, pattern)
	}
	found, _ := filepath.Glob(pattern)
	return found
}

// parseInterfaces reads the stanzas of interfaces(5): a line begins one with
// its first word, options follow, a backslash continues a line.
func parseInterfaces(text string) interfaces {
	said := interfaces{ports: map[string][]string{}}
	var bridge string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		word := strings.Fields(line)
		if len(word) < 2 || strings.HasPrefix(word[0], "#") {
			continue
		}
		switch word[0] {
		case "iface":
			bridge = word[1]
		case "source":
			bridge, said.files = "", append(said.files, word[1:]...)
		case "source-directory":
			bridge, said.directories = "", append(said.directories, word[1:]...)
		case "mapping", "auto", "rename":
			bridge = ""
		case "bridge-ports", "bridge_ports":
			said.add(bridge, word[1:])
		default:
			if strings.HasPrefix(word[0], "allow-") {
				bridge = ""
			}
		}
	}
	return said
}

// add notes a bridge's ports; "none" is how a bridge without one is declared.
func (i interfaces) add(bridge string, ports []string) {
	for _, p := range ports {
		if bridge != "" && p != "none" {
			i.ports[bridge] = append(i.ports[bridge], p)
		}
	}
}
