package dhcp

import (
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// parseDnsmasqConfig reads the options of dnsmasq(8) that concern addresses.
func parseDnsmasqConfig(text string) Contents {
	var c Contents
	n := 0
	for line := range strings.Lines(text) {
		n++
		key, value, _ := strings.Cut(uncomment(line), "=")
		c.dnsmasqOption(n, strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`))
	}
	return c
}

// uncomment cuts a comment off: # at the start of a line or after a blank,
// outside of quotes.
func uncomment(line string) string {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == '#' && !quoted && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return strings.TrimSpace(line[:i])
		}
	}
	return strings.TrimSpace(line)
}

func (c *Contents) dnsmasqOption(n int, key, value string) {
	refer := func(f Format) { c.References = append(c.References, Reference{Format: f, Path: value}) }
	if value == "" {
		return
	}
	switch key {
	case "dhcp-range":
		c.dnsmasqRange(n, value)
	case "dhcp-host":
		c.dnsmasqHost(value)
	case "dhcp-leasefile":
		refer(DnsmasqLeases)
	case "dhcp-hostsfile":
		refer(DnsmasqHosts)
	case "conf-file":
		refer(DnsmasqConfig)
	case "dhcp-hostsdir":
		c.References = append(c.References, Reference{Format: DnsmasqHosts, Path: value, Dir: true})
	case "conf-dir":
		c.References = append(c.References, confDir(value))
	}
}

// confDir reads DIRECTORY[,*.conf|,.bak]: endings that alone count, and
// endings that don't.
func confDir(value string) Reference {
	word := strings.Split(value, ",")
	r := Reference{Format: DnsmasqConfig, Path: word[0], Dir: true}
	for _, w := range word[1:] {
		if ending, only := strings.CutPrefix(w, "*"); only {
			r.Only = append(r.Only, ending)
		} else if w != "" {
			r.Without = append(r.Without, w)
		}
	}
	return r
}

// dnsmasqRange reads [tag:…,]START[,END|,MODE][,NETMASK…][,TIME]. With the
// mode static, as Proxmox's SDN has it, only known clients get an address; a
// proxy gives none away, and an IPv6 range that is built of an interface's
// prefix can't be known from here.
func (c *Contents) dnsmasqRange(n int, value string) {
	word := strings.Split(value, ",")
	start := slices.IndexFunc(word, func(w string) bool { _, ok := addrOf(strings.TrimSpace(w)); return ok })
	given := func(modes ...string) bool {
		return slices.ContainsFunc(word, func(w string) bool { return slices.Contains(modes, strings.TrimSpace(w)) })
	}
	built := strings.Contains(value, "constructor:")
	switch {
	case start >= 0 && (built || given("static", "proxy", "ra-only", "ra-stateless", "slaac")):
	case start < 0 || start+1 >= len(word):
		c.problem(n, "its dhcp-range has no start and end")
	default:
		r, ok := spanOf(strings.TrimSpace(word[start]), strings.TrimSpace(word[start+1]))
		if !ok {
			c.problem(n, "its dhcp-range has no start and end")
			return
		}
		c.Ranges = append(c.Ranges, r)
	}
}

// parseDnsmasqHosts reads a file of a dhcp-hostsdir or dhcp-hostsfile: lines
// as after dhcp-host=. Proxmox's SDN writes one a zone, called ethers.
func parseDnsmasqHosts(text string) Contents {
	var c Contents
	for line := range strings.Lines(text) {
		if line = uncomment(line); line != "" {
			c.dnsmasqHost(line)
		}
	}
	return c
}

// dnsmasqHost reads [MAC…][,id:…][,set:…][,ADDRESS…][,NAME][,TIME][,ignore] in
// any order. Without an address it reserves nothing.
func (c *Contents) dnsmasqHost(value string) {
	var addrs []netip.Addr
	var r Reservation
	for w := range strings.SplitSeq(value, ",") {
		w = strings.TrimSpace(w)
		if a, ok := addrOf(strings.Trim(w, "[]")); ok {
			addrs = append(addrs, a)
		} else if m, err := pve.ParseMAC(w); err == nil {
			if r.MAC.IsZero() {
				r.MAC = m
			}
		} else if r.Name == "" && hostName(w) {
			r.Name = w
		}
	}
	for _, a := range addrs {
		r.Addr = a
		c.Reservations = append(c.Reservations, r)
	}
}

// hostName reports whether a word of a dhcp-host can be the client's name: it
// has no mark and is neither a time nor a keyword.
func hostName(w string) bool {
	if w == "" || w == "ignore" || w == "infinite" || strings.ContainsAny(w, ":*[]") {
		return false
	}
	return strings.Trim(w, "0123456789") != "" && strings.Trim(w[:len(w)-1], "0123456789") != ""
}
