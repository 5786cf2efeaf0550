package config

import (
	"cmp"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds and default of a command's overall deadline.
const (
	minDeadline     = 5 * time.Second
	maxDeadline     = 10 * time.Minute
	defaultDeadline = 30 * time.Second
)

// Node is what this node's node.cfg says, with defaults for the rest.
type Node struct {
	Pools    string        // the pools file, absolute, without the root directory
	Ledger   string        // the directory of the ledger, likewise
	Deadline time.Duration // for everything one invocation does
	ARPRate  int           // ARP packets a second that all of this node's questions share on an uplink; 0: each start its own
	DHCP     []string      // files of DHCP servers beside those at the default places, likewise
}

// DefaultNode is what counts where no node.cfg says otherwise.
func DefaultNode() Node {
	return Node{
		Pools:    "/etc/pve/pve-iplease/pools.cfg",
		Ledger:   "/etc/pve/priv/pve-iplease",
		Deadline: defaultDeadline,
	}
}

var nodeWords = propertySet{"pools": once, "ledger": once, "deadline": once, "arp-rate": once, "dhcp-leases": once, "snippets": once}

// ParseNode reads lines of "key value". A path that is given but wrong is
// empty in the result, so that nobody goes on with the default, which may be
// another cluster's truth; a wrong deadline gives the default.
func ParseNode(file string, data []byte) (Node, []Problem) {
	r := &nodeReader{findings: &findings{file: file}, Node: DefaultNode(), first: map[string]int{}}
	text, ok := r.decode(data)
	if !ok {
		r.Pools, r.Ledger = "", ""
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if line = strings.Trim(line, blanks); line != "" && line[0] != '#' {
			r.line(n, line)
		}
	}
	return r.Node, r.sorted()
}

type nodeReader struct {
	*findings
	Node
	first map[string]int
}

func (r *nodeReader) line(n int, line string) {
	key, value := cutWord(line)
	word, punctuated := cutMark(key)
	before, again := r.first[word]
	var err error
	switch {
	case !nodeWords.knows(word):
		r.warn(n, "%s is none of the keys %s, and ignored%s",
			quote(key), strings.Join(nodeWords.known(), ", "), didYouMean(word, nodeWords.known()))
		r.unknown()
		return
	case punctuated:
		err = fmt.Errorf("has no colon or equals sign; write '%s VALUE'", word)
	case again:
		err = fmt.Errorf("is given twice, first in line %d; keep one of them", before)
	case value == "":
		err = errNoValue
	}
	r.first[word] = n
	r.set(n, word, value, err)
}

// set stores a value unless there is something against it already.
func (r *nodeReader) set(n int, key, value string, err error) {
	switch key {
	case "pools":
		r.Pools, err = parsePath(value, err)
	case "ledger":
		r.Ledger, err = parsePath(value, err)
	case "deadline":
		r.Deadline, err = parseDeadline(value, err)
	case "arp-rate":
		r.ARPRate, err = parseRate(value, err)
	case "dhcp-leases":
		r.DHCP, err = parsePaths(value, "/var/lib/misc/dnsmasq.leases", err)
	case "snippets": // read by the Debian package alone, which puts the hookscript there
		_, err = parsePaths(value, "/mnt/pve/shared/snippets", err)
	}
	switch {
	case err == nil:
	case key == "arp-rate", key == "dhcp-leases", key == "snippets": // no reason to keep guests from starting
		r.warn(n, "%s %v", key, err)
	default:
		r.fail(n, "%s %v", key, err)
	}
}

func parsePath(s string, err error) (string, error) {
	switch {
	case err != nil:
		return "", err
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return "", fmt.Errorf("%s is no path: it is not UTF-8 text", quote(s))
	case !path.IsAbs(s) || path.Clean(s) == "/":
		return "", fmt.Errorf("%s is no absolute path like /etc/pve/pve-iplease/pools.cfg", quote(s))
	}
	return path.Clean(s), nil
}

// parsePaths reads paths separated by blanks. A wrong one leaves the others
// standing.
func parsePaths(s, like string, err error) (paths []string, _ error) {
	for w := range strings.FieldsSeq(s) {
		if !path.IsAbs(w) || path.Clean(w) == "/" {
			err = cmp.Or(err, fmt.Errorf("%s is no absolute path like %s", quote(w), like))
			continue
		}
		paths = append(paths, path.Clean(w))
	}
	return paths, err
}

// parseRate reads packets a second. Where it is wrong, the strictest that
// switches are known to need stands in.
func parseRate(s string, err error) (int, error) {
	const strict, most = 14, 1000
	n, aerr := strconv.Atoi(s)
	if err == nil && (aerr != nil || n < 1 || n > most) {
		err = fmt.Errorf("%s is no number from 1 to %d; %d is taken", quote(s), most, strict)
	}
	if err != nil {
		return strict, err
	}
	return n, nil
}

func parseDeadline(s string, err error) (time.Duration, error) {
	if err != nil {
		return defaultDeadline, err
	}
	d, err := parseDuration(s)
	if err == nil && (d < minDeadline || d > maxDeadline) {
		err = fmt.Errorf("%s is out of bounds; allowed are 5s to 10m", quote(s))
	}
	if err != nil {
		return defaultDeadline, err
	}
	return d, nil
}
