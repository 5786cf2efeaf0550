package dhcp

import (
	"strconv"
	"strings"
	"time"

	"pve-iplease/internal/pve"
)

// parseDnsmasqLeases reads dnsmasq's lease database, a line a lease (dnsmasq's
// lease.c, lease_update_file):
//
//	expiry MAC address name client-id
//
// expiry in seconds since 1970, 0 for never; name * when the client told none.
// Below a line "duid …" the leases are IPv6, with an IAID in the MAC's place.
func parseDnsmasqLeases(text string) Contents {
	var c Contents
	n := 0
	for line := range strings.Lines(text) {
		n++
		word := strings.Fields(line)
		switch {
		case len(word) == 0 || word[0] == "duid":
		case !dnsmasqLease(word):
			c.problem(n, "it is cut off, or no lease")
		default:
			c.Leases = append(c.Leases, dnsmasqRecord(word))
		}
	}
	c.supersede()
	return c
}

// dnsmasqLease reports whether a line's words are a lease.
func dnsmasqLease(word []string) bool {
	if len(word) < 4 {
		return false
	}
	_, err := strconv.ParseUint(word[0], 10, 63)
	_, ok := addrOf(word[2])
	return err == nil && ok
}

func dnsmasqRecord(word []string) Lease {
	addr, _ := addrOf(word[2])
	mac, _ := pve.ParseMAC(word[1]) // of other media, and of IPv6 clients, there is none
	l := Lease{Addr: addr, MAC: mac}
	if addr.Is6() {
		l.MAC = pve.MAC{} // an IAID may look like one
	}
	if word[3] != "*" {
		l.Name = word[3]
	}
	if expiry, _ := strconv.ParseInt(word[0], 10, 64); expiry != 0 {
		l.Until = unix(expiry)
	}
	return l
}

// lastSecond is the end of the year 9999: later times can't be printed, and
// mean never.
const lastSecond = 253402300799

// unix is a point in time, or the zero time for one that never comes.
func unix(seconds int64) time.Time {
	if seconds > lastSecond {
		return time.Time{}
	}
	return time.Unix(max(seconds, 1), 0)
}
