package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"pve-iplease/internal/pve"
)

// isWord reports whether s has 1 to most characters, all of them ASCII letters,
// digits or others. Regular expressions would be compiled at every start of a
// container.
func isWord(s string, most int, others string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	}
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, odd)
}

// plain shows a name, quoted only when it needs it.
func plain(s string) string {
	if isWord(s, 64, "_.:/-") {
		return s
	}
	return quote(s)
}

// checkName takes Proxmox's pve-configid, and dots, single characters and a
// digit in front.
func checkName(s string) error {
	if isWord(s, 64, "_.-") && isWord(s[:1], 1, "") {
		return nil
	}
	return fmt.Errorf("%s is no name for a pool; allowed are up to 64 letters, digits, '_', '.' and '-', "+
		"a letter or digit first", quote(s))
}

// parseBridge takes what Proxmox lets stand in a NIC's bridge=
// (PVE::JSONSchema, pve-bridge-id), as long as Linux lets an interface's name
// be (IFNAMSIZ).
func parseBridge(s string) (string, error) {
	if !isWord(s, 15, "_.-") || s == "." || s == ".." {
		return "", fmt.Errorf("%s is no bridge; allowed are up to 15 letters, digits, '_', '.' and '-', like vmbr0", quote(s))
	}
	return s, nil
}

// parseVLAN reads an IEEE 802.1Q VLAN ID as netN's tag= allows it.
func parseVLAN(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n < 1 || n > 4094 || s[0] == '0' {
		return 0, fmt.Errorf("%s is no VLAN; allowed are 1 to 4094, and no vlan at all for untagged", quote(s))
	}
	return uint16(n), nil
}

// parseNodes reads a list of names as PVE::JSONSchema's pve_verify_node_name
// takes them.
func parseNodes(s string) ([]string, error) {
	var nodes []string
	for _, w := range words(s) {
		if !isWord(w, 253, "-") || w[0] == '-' || w[len(w)-1] == '-' {
			return nodes, fmt.Errorf("%s is no node; a node's name has letters, digits and '-', like pve1", quote(w))
		}
		nodes = append(nodes, w)
	}
	if len(nodes) == 0 {
		return nil, errors.New("the list names no node; leave it out for all nodes")
	}
	return nodes, nil
}

// parseNICs reads which interfaces of a guest are meant: all, or a list.
func parseNICs(s string) (set pve.NICs, _ error) {
	if s == "all" {
		return pve.AllNICs, nil
	}
	for _, w := range words(s) {
		n, err := strconv.Atoi(strings.TrimPrefix(w, "net"))
		if err != nil || w != fmt.Sprintf("net%d", n) || !pve.AllNICs.Has(n) {
			return set, fmt.Errorf("%s is no interface; allowed are all, and a list of net0 to net31 like net0,net2", quote(w))
		}
		set = set.With(n)
	}
	if set == 0 {
		return 0, errors.New("the list names no interface; allowed are all, and a list like net0,net2")
	}
	return set, nil
}

// words splits a list at commas and blanks.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// choice reads one of a few words.
func choice[T ~string](s string, allowed ...T) (T, error) {
	list := make([]string, len(allowed))
	for i, a := range allowed {
		if T(s) == a {
			return a, nil
		}
		list[i] = string(a)
	}
	return "", fmt.Errorf("%s is none of %s%s", quote(s), strings.Join(list, ", "), didYouMean(s, list))
}

// second reports which of two words was chosen.
func second(s, no, yes string) (bool, error) {
	word, err := choice(s, no, yes)
	return word == yes, err
}
