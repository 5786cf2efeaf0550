package cli

import (
	"os"
	"regexp"
	"strings"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

// naming decides which of their names guests may have in files that programs
// resolve names by: who sets a guest's name must not be able to speak for
// another host.
type naming struct {
	domain string // a name with a dot must lie in it; empty: none may have one
	taken  map[string]bool
	owner  map[string]pve.VMID // who has a name already
}

// newNaming knows the names of the nodes, and those that every hosts file
// keeps for the machine itself (RFC 6761 §6.3).
func newNaming(h *hook.Host, domain string) *naming {
	n := &naming{domain: strings.ToLower(strings.Trim(domain, ".")), taken: map[string]bool{}, owner: map[string]pve.VMID{}}
	nodes := append(h.Node.Members(), h.Node.Name())
	folders, _ := os.ReadDir(h.Node.Path("/etc/pve/nodes")) // without them there is no inventory, and no names
	for _, f := range folders {
		nodes = append(nodes, f.Name())
	}
	own := "localhost localhost4 localhost6 localdomain localdomain4 localdomain6 broadcasthost " +
		"ip6-localhost ip6-loopback ip6-localnet ip6-mcastprefix ip6-allnodes ip6-allrouters ip6-allhosts"
	for _, name := range append(nodes, strings.Fields(own)...) {
		n.taken[strings.ToLower(name)] = true
	}
	return n
}

// free reports whether a label is no other host's, nor read as an address, nor
// as the number by which each guest is called.
func (n *naming) free(label string) bool {
	return label != "" && !n.taken[label] && strings.Trim(label, "0123456789") != "" &&
		!regexp.MustCompile(`^(0x[0-9a-f]*|(ct|vm)[0-9]+)$`).MatchString(label)
}

// label is a guest's name without its domain; empty if it can't have it.
func (n *naming) label(name string) string {
	if l := dhcp.HostName(name); n.free(l) {
		return l
	}
	return ""
}

// names are those that a guest has and no other guest had before.
func (n *naming) names(id pve.VMID, name string) (all []string) {
	label := n.label(name)
	if label == "" {
		return nil
	}
	full := dnsName(name)
	if n.domain == "" || !strings.HasSuffix(full, "."+n.domain) {
		full = label
	}
	for _, name := range []string{full, label} {
		if n.owner[name] == 0 || n.owner[name] == id && (len(all) == 0 || all[0] != name) {
			n.owner[name] = id
			all = append(all, name)
		}
	}
	return all
}
