// Package dhcp reads what the DHCP servers of this host have written: their
// leases, reservations and dynamic ranges. The parsers are pure and tolerant:
// what they can't read becomes a problem with its line, and the rest counts.
// Names in the results are foreign strings, unchecked.
package dhcp
