package lab

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// GuestConfig is a container's config as Proxmox keeps it in memory. It reads
// and prints by the rules of PVE::LXC::Config (parse_pct_config,
// write_pct_config) and shares no code with the program under test, so that
// it can contradict it.
type GuestConfig struct {
	section
	pending   *section // nil: none
	snapshots map[string]*section
}

// section is one part of a config.
type section struct {
	description []string // lines, each without its #
	values      map[string]string
	lxc         []string // lxc.* lines in Proxmox's notation
}

func newSection() *section { return &section{values: map[string]string{}} }

var (
	pendingLine  = regexp.MustCompile(`(?i)^\[pve:pending\]\s*$`)
	snapshotLine = regexp.MustCompile(`(?i)^\[([a-z][a-z0-9_-]+)\]\s*$`)
	lxcLine      = regexp.MustCompile(`^(lxc\.[a-z0-9_.-]+)(?::|\s*=)\s*(.*?)\s*$`)
	valueLine    = regexp.MustCompile(`^([a-z][a-z_]*\d*):\s*(.+?)\s*$`)
)

// ParseGuestConfig reads a config. Like Proxmox it drops lines that it does
// not understand, so that they are gone after the next rewrite.
func ParseGuestConfig(text string) *GuestConfig {
	c := &GuestConfig{section: *newSection(), snapshots: map[string]*section{}}
	s := &c.section
	for line := range strings.SplitSeq(text, "\n") {
		if pendingLine.MatchString(line) {
			c.pending = newSection()
			s = c.pending
		} else if m := snapshotLine.FindStringSubmatch(line); m != nil {
			s = newSection()
			c.snapshots[m[1]] = s
		} else {
			s.parse(line)
		}
	}
	return c
}

func (s *section) parse(line string) {
	if text, ok := strings.CutPrefix(line, "#"); ok {
		s.description = append(s.description, text)
	} else if m := lxcLine.FindStringSubmatch(line); m != nil {
		s.lxc = append(s.lxc, m[1]+": "+m[2])
	} else if m := valueLine.FindStringSubmatch(line); m != nil {
		s.values[m[1]] = m[2]
	}
}

// String prints the config as Proxmox writes it: description first, then the
// keys in order, the lxc.* lines, pending changes and snapshots.
func (c *GuestConfig) String() string {
	text := c.print()
	if c.hasPending() {
		text += "\n[pve:pending]\n" + c.pending.print()
	}
	for _, name := range slices.Sorted(maps.Keys(c.snapshots)) {
		text += "\n[" + name + "]\n" + c.snapshots[name].print()
	}
	return text
}

func (s *section) print() string {
	var b strings.Builder
	for _, line := range s.description {
		b.WriteString("#" + line + "\n")
	}
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		b.WriteString(key + ": " + s.values[key] + "\n")
	}
	for _, line := range s.lxc {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func (s *section) copy() *section {
	return &section{slices.Clone(s.description), maps.Clone(s.values), slices.Clone(s.lxc)}
}

// Value is a key of the running config, empty if there is none.
func (c *GuestConfig) Value(key string) string { return c.values[key] }

// Net is the running config's netN.
func (c *GuestConfig) Net(key string) Net { return ParseNet(c.values[key]) }

// hasPending reports whether a start has something to apply.
func (c *GuestConfig) hasPending() bool { return c.pending != nil && len(c.pending.values) > 0 }

// applyPending does what Proxmox does at a start and at a stop
// (vmconfig_apply_pending): deletions, then changes. Network properties come
// out in its own order.
func (c *GuestConfig) applyPending() {
	if !c.hasPending() {
		return
	}
	for key := range strings.FieldsFuncSeq(c.pending.values["delete"], func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		delete(c.values, key)
	}
	for key, value := range c.pending.values {
		if strings.HasPrefix(key, "net") {
			value = ParseNet(value).String()
		}
		if key != "delete" {
			c.values[key] = value
		}
	}
	c.pending = nil
}

// Net is a container's network property string (name=eth0,bridge=vmbr0,…).
type Net map[string]string

// ParseNet splits a property string.
func ParseNet(value string) Net {
	n := Net{}
	for property := range strings.SplitSeq(value, ",") {
		if key, v, ok := strings.Cut(property, "="); ok {
			n[key] = v
		}
	}
	return n
}

// String prints the properties as Proxmox does: name first, the rest sorted
// (print_lxc_network).
func (n Net) String() string {
	var list []string
	if name, ok := n["name"]; ok {
		list = append(list, "name="+name)
	}
	for _, key := range slices.Sorted(maps.Keys(n)) {
		if key != "name" {
			list = append(list, key+"="+n[key])
		}
	}
	return strings.Join(list, ",")
}
