package firewall

import (
	"strconv"
	"strings"
	"time"
)

// Scope is whose file it is, which decides what may stand in it.
type Scope uint8

// The scopes, and where their files lie.
const (
	Cluster Scope = iota // /etc/pve/firewall/cluster.fw
	Node                 // /etc/pve/nodes/NAME/host.fw
	Guest                // /etc/pve/firewall/VMID.fw
)

// File is one of them, as far as it concerns the address filter. The zero
// value is what a missing one means.
type File struct {
	Enable   bool
	IPFilter bool            // of a guest: only the addresses that its config names
	NFTables bool            // of a node: by the newer daemon, proxmox-firewall
	NoARP    bool            // of the cluster: ebtables is off, so that ARP is not filtered
	Sets     map[int][]Entry // of a guest: its sets ipfilter-netN, by N
}

// Entry is a line of a set.
type Entry struct {
	Text string // an address, a prefix, or the name of an alias
	Not  bool   // it is excepted
}

// Parse reads a file as PVE::Firewall::generic_fw_config_parser does: what that
// warns of and skips is skipped. The cluster's firewall can be enabled for a
// minute, by a time instead of a number.
func Parse(scope Scope, data []byte, now time.Time) File {
	r := reader{scope: scope, now: now, sets: map[string][]Entry{}}
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.Trim(line, " \t")
		if strings.Trim(line, space) != "" && line[0] != '#' {
			r.line(line)
		}
	}
	for name, entries := range r.sets {
		digits, ok := strings.CutPrefix(name, "ipfilter-net")
		if n, err := strconv.Atoi(digits); ok && err == nil && strconv.Itoa(n) == digits {
			if r.Sets == nil {
				r.Sets = map[int][]Entry{}
			}
			r.Sets[n] = entries
		}
	}
	return r.File
}

// space is what \s matches in Perl, digits \d among ASCII.
const (
	space  = " \t\n\v\f\r"
	digits = "0123456789"
)

// reader is a file being read.
type reader struct {
	File
	scope   Scope
	now     time.Time
	section string // "": none, or one with a name that is refused
	set     string // the name of the set
	sets    map[string][]Entry
}

func (r *reader) line(line string) {
	lower := strings.ToLower(line)
	switch {
	case lower == "[options]", lower == "[rules]", lower == "[aliases]" && r.scope != Node:
		r.section = lower
	case r.named(line, "group", r.scope == Cluster, maxGroup):
	case r.named(line, "ipset", r.scope != Node, maxSet):
		if r.section != "" {
			r.sets[r.set] = []Entry{}
		}
	case r.section == "[options]":
		r.option(lower)
	case r.section == "ipset":
		r.entry(line)
	}
}

// The longest names ($max_group_name_length, $max_ipset_name_length).
const (
	maxGroup = 20
	maxSet   = 64
)

// named takes a header like "[ipset NAME] # comment".
func (r *reader) named(line, kind string, allowed bool, limit int) bool {
	n := len("[") + len(kind)
	if !allowed || len(line) < n || !strings.EqualFold(line[:n], "["+kind) {
		return false
	}
	rest := strings.TrimLeft(line[n:], space)
	if rest == line[n:] {
		return false
	}
	name, ok := bracketed(rest)
	if !ok {
		return false
	}
	r.section, r.set = kind, strings.ToLower(name)
	if len(name) > limit || !isName(name) {
		r.section = ""
	}
	return true
}

// bracketed gives the longest text without blanks before a closing bracket
// behind which nothing but a comment follows.
func bracketed(s string) (name string, ok bool) {
	word := s
	if i := strings.IndexAny(s, space); i >= 0 {
		word = s[:i]
	}
	for i := strings.LastIndexByte(word, ']'); i > 0; i = strings.LastIndexByte(word[:i], ']') {
		if rest := strings.TrimLeft(s[i+1:], space); rest == "" || rest[0] == '#' {
			return word[:i], true
		}
	}
	return "", false
}

// isName reports whether a set, a group or an alias can be called so.
func isName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	lower := strings.ToLower(s)
	return len(s) > 1 && strings.Trim(lower[:1], letters) == "" && strings.Trim(lower, letters+digits+"-_") == "" && len(lower) == len(s)
}

// option takes a line "name: 1".
func (r *reader) option(line string) {
	name, value, ok := strings.Cut(line, ":")
	if value = strings.Trim(value, space); !ok || value == "" || strings.Trim(value, digits) != "" {
		return
	}
	if name == "enable" && r.scope == Cluster {
		r.Enable = r.enabled(value)
		return
	}
	if value != "0" && value != "1" {
		return
	}
	on := value == "1"
	switch {
	case name == "enable":
		r.Enable = on
	case name == "ipfilter" && r.scope == Guest:
		r.IPFilter = on
	case name == "nftables" && r.scope == Node:
		r.NFTables = on
	case name == "ebtables" && r.scope == Cluster:
		r.NoARP = !on
	}
}

// enabled reads the cluster's switch: a number over 1 is the time at which
// somebody tries it out, for 60 s.
func (r *reader) enabled(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return true // far in the future
	}
	return n == 1 || n > 1 && r.now.Unix()-n <= 60
}

// entry takes a line of a set: "! 10.0.0.5 # comment".
func (r *reader) entry(line string) {
	line, _, _ = strings.Cut(line, "#")
	line = strings.Trim(line, space)
	word, not := strings.CutPrefix(line, "!")
	if line == "!" {
		word, not = line, false
	}
	if word = strings.TrimLeft(word, space); word != "" && !strings.ContainsAny(word, space) {
		r.sets[r.set] = append(r.sets[r.set], Entry{word, not})
	}
}
