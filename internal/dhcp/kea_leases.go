package dhcp

import (
	"slices"
	"strconv"
	"strings"

	"pve-iplease/internal/pve"
)

// keaHeader reports whether a text begins as Kea's lease file does.
func keaHeader(text string) bool { return strings.HasPrefix(text, "address,") }

// parseKeaLeases reads Kea's memfile of DHCPv4 or DHCPv6 leases, a journal in
// CSV (csv_lease_file4.cc): the last row of an address counts, one with a
// lifetime of 0 ends it. Columns are found by the header, since every version
// adds some; a further header, where files are read one behind the other,
// replaces the first.
func parseKeaLeases(text string) Contents {
	var c Contents
	var header []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		whole := strings.HasSuffix(line, "\n")
		line = strings.TrimRight(line, "\r\n")
		row := strings.Split(line, ",")
		switch {
		case line == "":
		case keaHeader(line):
			header = row
		case header == nil:
			c.problem(n, "the header is missing")
			return c
		case len(row) < len(header):
			c.problem(n, "it has %d of %d columns%s", len(row), len(header), map[bool]string{false: ": it is being written"}[whole])
		default:
			c.keaRow(n, header, row)
		}
	}
	c.supersede()
	return c
}

func (c *Contents) keaRow(n int, header, row []string) {
	get := func(name string) string {
		if i := slices.Index(header, name); i >= 0 {
			return row[i]
		}
		return ""
	}
	addr, ok := addrOf(get("address"))
	expire, err := strconv.ParseInt(get("expire"), 10, 64)
	if !ok || err != nil {
		c.problem(n, "it is no lease")
		return
	}
	mac, _ := pve.ParseMAC(get("hwaddr"))
	l := Lease{Addr: addr, MAC: mac, Name: strings.TrimSuffix(keaText(get("hostname")), "."), Until: unix(expire)}
	l.State = keaState(get("state"))
	switch get("valid_lifetime") {
	case "0":
		l.State = Ended
	case "4294967295": // RFC 2131 §3.3: infinity
		l.Until = unix(lastSecond + 1)
	}
	c.Leases = append(c.Leases, l)
}

// keaState reads the state column: 0 assigned, 1 declined, 2 expired and
// reclaimed, 3 released, 4 registered by the client itself (lease.h).
func keaState(s string) State {
	switch s {
	case "", "0", "4":
		return Active
	case "1":
		return Abandoned
	}
	return Ended
}

// keaText undoes Kea's escape of the separator (csv_file.cc).
func keaText(s string) string {
	return strings.ReplaceAll(s, "&#x2c", ",")
}
