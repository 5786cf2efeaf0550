package node

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pve-iplease/internal/fastio"
)

// interfacesFile is where Debian and Proxmox declare the host's network.
const interfacesFile = "/etc/network/interfaces"

// interfaces is what one file of interfaces(5) says about bridges.
type interfaces struct {
	ports       map[string][]string // declared ports by bridge
	networks    map[string]Network  // IPv4 by device
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
	h.eachInterfaces(func(said interfaces) { ports = append(ports, said.ports[bridge]...) })
	slices.Sort(ports)
	return slices.Compact(ports)
}

// Network is the IPv4 network that a device is configured for.
type Network struct {
	Addr    netip.Prefix // invalid: none is given
	Gateway netip.Addr   // likewise
}

// DeclaredNetwork is what /etc/network/interfaces, and what it includes, says
// of a device's IPv4 network.
func (h *Host) DeclaredNetwork(device string) (n Network) {
	h.eachInterfaces(func(said interfaces) {
		if d := said.networks[device]; d.Addr.IsValid() && !n.Addr.IsValid() {
			n = d
		}
	})
	return n
}

// eachInterfaces shows what each of the files says.
func (h *Host) eachInterfaces(see func(interfaces)) {
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
		see(said)
		queue = append(queue, h.included(filepath.Dir(file), said)...)
	}
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
	said := interfaces{ports: map[string][]string{}, networks: map[string]Network{}}
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
		case "address", "netmask", "gateway":
			said.configure(bridge, word[0], word[1])
		default:
			if strings.HasPrefix(word[0], "allow-") {
				bridge = ""
			}
		}
	}
	return said
}

// configure notes a line of a device's IPv4 network; a netmask may stand on a
// line of its own, as a length or in the old way.
func (i interfaces) configure(device, key, value string) {
	n := i.networks[device]
	addr, err := netip.ParseAddr(value)
	switch key {
	case "address":
		if p, perr := netip.ParsePrefix(value); perr == nil && p.Addr().Is4() {
			n.Addr = p
		} else if err == nil && addr.Is4() {
			n.Addr = netip.PrefixFrom(addr, addr.BitLen())
		}
	case "netmask":
		if bits, ok := maskLength(value); ok && n.Addr.IsValid() {
			n.Addr = netip.PrefixFrom(n.Addr.Addr(), bits)
		}
	case "gateway":
		if err == nil && addr.Is4() {
			n.Gateway = addr
		}
	}
	if device != "" {
		i.networks[device] = n
	}
}

// maskLength reads 24 or 255.255.255.0.
func maskLength(s string) (bits int, ok bool) {
	if bits, err := strconv.Atoi(s); err == nil {
		return bits, bits >= 0 && bits <= 32
	}
	bits, size := net.IPMask(net.ParseIP(s).To4()).Size()
	return bits, size == 32
}

// add notes a bridge's ports; "none" is how a bridge without one is declared.
func (i interfaces) add(bridge string, ports []string) {
	for _, p := range ports {
		if bridge != "" && p != "none" {
			i.ports[bridge] = append(i.ports[bridge], p)
		}
	}
}
