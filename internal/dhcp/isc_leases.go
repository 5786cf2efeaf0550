package dhcp

import (
	"strconv"
	"strings"
	"time"

	"pve-iplease/internal/pve"
)

// parseISCLeases reads dhcpd.leases(5), a journal: of several records of one
// address the last counts, also one that says that the address is free.
func parseISCLeases(text string) Contents {
	var c Contents
	r := &iscReader{text: text, line: 1}
	for {
		s, ok := r.next()
		if !ok {
			break
		}
		if r.cut == 0 { // else it has lost its end, which may have held what matters
			c.iscRecord(s)
		}
	}
	if r.cut != 0 {
		c.problem(r.cut, "the file ends within this record: it is cut off, or being written")
	}
	c.supersede()
	return c
}

// iscRecord takes a lease, or a host that was added while the server ran. A
// lease inside another one lost a brace to a crash.
func (c *Contents) iscRecord(s statement) {
	switch {
	case s.word(0) == "host" && s.block != nil:
		c.iscHost(s)
	case s.word(0) == "lease" && s.block != nil:
		addr, ok := addrOf(s.word(1))
		if !ok {
			c.problem(s.line, "it is a lease without an address")
			return
		}
		l := Lease{Addr: addr}
		for _, b := range s.block {
			if b.word(0) == "lease" && b.block != nil {
				c.problem(b.line, "the record above it has no end")
				c.iscRecord(b)
				continue
			}
			l.iscField(b)
		}
		c.Leases = append(c.Leases, l)
	}
}

func (l *Lease) iscField(s statement) {
	switch s.word(0) {
	case "ends":
		l.Until = iscTime(s.words[1:])
	case "binding":
		if s.word(1) == "state" {
			l.State = iscState(s.word(2))
		}
	case "abandoned": // of older servers
		l.State = Abandoned
	case "hardware":
		if s.word(1) == "ethernet" {
			l.MAC, _ = pve.ParseMAC(s.word(2))
		}
	case "client-hostname", "hostname":
		l.Name = s.word(1)
	}
}

func iscState(s string) State {
	switch s {
	case "active", "bootp":
		return Active
	case "abandoned":
		return Abandoned
	}
	return Ended
}

// iscTime reads "4 2024/01/04 12:00:00" (in UTC, the day of the week in
// front), "epoch SECONDS" or "never". An unreadable time has passed: the
// lease counts for less than one that is known to stand.
func iscTime(word []string) time.Time {
	past := time.Unix(1, 0)
	if len(word) == 0 {
		return past
	}
	if word[0] == "never" {
		return time.Time{}
	}
	if word[0] == "epoch" && len(word) > 1 {
		if n, err := strconv.ParseInt(word[1], 10, 64); err == nil {
			return unix(n)
		}
	}
	if len(word) < 3 {
		return past
	}
	t, err := time.Parse("2006/1/2 15:04:05", strings.Join(word[1:3], " "))
	if err != nil {
		return past
	}
	return t
}
