package dhcp

import (
	"fmt"
	"net/netip"
	"time"

	"pve-iplease/internal/pve"
)

// Server is a DHCP server's program, by the name people know it.
type Server string

// The servers whose files are understood.
const (
	Dnsmasq  Server = "dnsmasq"
	ISC      Server = "ISC dhcpd"
	Kea      Server = "Kea"
	Networkd Server = "systemd-networkd"
)

// State is what a server thinks of an address that it has leased.
type State uint8

// The states. An abandoned address is one that the server found in use by
// somebody else (ISC: abandoned, Kea: declined).
const (
	Active State = iota
	Ended
	Abandoned
)

func (s State) String() string { return [...]string{"active", "ended", "abandoned"}[s] }

// Lease is the last that a server wrote about an address.
type Lease struct {
	Addr  netip.Addr
	MAC   pve.MAC // zero: not known, or no Ethernet address
	Name  string  // as the client calls itself
	State State
	Until time.Time // whole seconds; zero: for ever
}

// Active reports whether the server keeps the address for the client.
func (l Lease) Active(now time.Time) bool {
	return l.State == Active && (l.Until.IsZero() || now.Before(l.Until))
}

// Reservation is an address that a server's configuration ties to a client.
type Reservation struct {
	Addr netip.Addr
	MAC  pve.MAC // zero: the client is known by something else
	Name string
}

// Reference is another file, or a directory of files, that a configuration
// names.
type Reference struct {
	Format  Format
	Path    string
	Dir     bool
	Only    []string // of a directory: endings of the files that count; empty: all
	Without []string // of a directory: endings of the files that don't
}

// Contents is what one file says.
type Contents struct {
	Leases       []Lease // one an address and client, the last record of each
	Reservations []Reservation
	Ranges       []pve.Range // addresses given to whoever asks
	References   []Reference
	Problems     []Problem
}

// Problem is something in a file that could not be understood.
type Problem struct {
	File string // as the host calls it, without a root directory
	Line int    // 0: the file as a whole
	Text string
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// maxProblems is how many problems of one file are told.
const maxProblems = 10

// problem notes what is wrong in a line. Of a file that is something else
// altogether every line is wrong, and a few of them say so.
func (c *Contents) problem(line int, format string, args ...any) {
	if len(c.Problems) < maxProblems {
		c.Problems = append(c.Problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
	}
}

// supersede keeps the last record of each address, in the order in which the
// addresses were seen first.
func (c *Contents) supersede() {
	last := make(map[netip.Addr]int, len(c.Leases))
	kept := c.Leases[:0]
	for _, l := range c.Leases {
		if i, ok := last[l.Addr]; ok {
			kept[i] = l
			continue
		}
		last[l.Addr] = len(kept)
		kept = append(kept, l)
	}
	c.Leases = kept
}

// spanOf makes a range of two addresses that a configuration names; ok is
// false when they are no range.
func spanOf(first, last string) (pve.Range, bool) {
	a, err := netip.ParseAddr(first)
	b, berr := netip.ParseAddr(last)
	r := pve.Range{First: a, Last: b}
	return r, err == nil && berr == nil && a.BitLen() == b.BitLen() && a.Zone() == "" && b.Zone() == "" && a.Compare(b) <= 0
}

// addrOf reads one address as servers write it; no zone, no mapped IPv4.
func addrOf(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == "" && !a.Is4In6()
}
