package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// tick is the resolution of a claim's time since boot, that of the start
// times in /proc/<pid>/stat.
const tick = 10 * time.Millisecond

// stateKeys are the members that name a state, their value is since when.
var stateKeys = [...]string{lease.Bound: "b", lease.Released: "r", lease.Offered: "f", lease.Conflicted: "x"}

// appendLine encodes a lease and ends the line. It refuses what it could not
// read back.
func appendLine(b []byte, l *lease.Lease) ([]byte, error) {
	if err := storable(l); err != nil {
		return nil, fmt.Errorf("lease of %s cannot be stored: %w", l.Addr, err)
	}
	b = append(b, `{"a":"`...)
	b = l.Addr.AppendTo(b)
	b = append(b, '"')
	b = appendText(b, "s", l.Segment.Bridge)
	b = appendUint(b, "vlan", uint64(l.Segment.Tag))
	b = appendText(b, "nodes", l.Segment.Nodes)
	if !l.Owner.IsZero() {
		b = append(appendOwner(append(appendKey(b, "o"), '"'), l.Owner), '"')
	}
	if !l.MAC.IsZero() {
		b = append(b, `,"m":"`...)
		b = hex.AppendEncode(b, l.MAC[:])
		b = append(b, '"')
	}
	b = appendClaim(b, &l.Claim)
	b = appendUint(b, "g", l.Gen)
	if l.State != lease.Bound || seconds(l.Since) != seconds(l.Claim.At) {
		b = append(appendKey(b, stateKeys[l.State]), strconv.FormatInt(seconds(l.Since), 10)...)
	}
	return append(append(appendRare(b, l), l.Extra...), "}\n"...), nil
}

// appendRare adds the members that few leases have, and the comma before
// those that follow.
func appendRare(b []byte, l *lease.Lease) []byte {
	b = appendTime(b, "until", l.Until)
	if l.Was.IsValid() {
		b = appendText(b, "was", l.Was.String())
	}
	if l.Origin != lease.FromPool {
		b = appendText(b, "origin", l.Origin.String())
	}
	if l.Unproven {
		b = append(appendKey(b, "unproven"), "true"...)
	}
	if l.Freed {
		b = append(appendKey(b, "freed"), "true"...)
	}
	if l.Contested {
		b = append(appendKey(b, "contested"), "true"...)
	}
	if len(l.Vouched) > 0 {
		b = append(appendOwners(append(appendKey(b, "vouched"), '"'), l.Vouched), '"')
	}
	b = appendTime(b, "missing", l.Missing)
	b = appendText(b, "p", l.Port)
	if len(l.Extra) > 0 {
		b = append(b, ',')
	}
	return b
}

func appendKey(b []byte, key string) []byte {
	return append(append(append(b, `,"`...), key...), `":`...)
}

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return append(append(append(appendKey(b, key), '"'), s...), '"')
}

func appendUint(b []byte, key string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(appendKey(b, key), n, 10)
}

func appendTime(b []byte, key string, t time.Time) []byte {
	if seconds(t) == 0 {
		return b
	}
	return strconv.AppendInt(appendKey(b, key), seconds(t), 10)
}

// appendOwner writes ct/101, or ct/101/net1 for another interface than net0.
func appendOwner(b []byte, o pve.Owner) []byte {
	b = append(append(b, o.Kind.String()...), '/')
	b = strconv.AppendUint(b, uint64(o.VMID), 10)
	if o.NIC != 0 {
		b = strconv.AppendInt(append(b, "/net"...), int64(o.NIC), 10)
	}
	return b
}

// appendOwners writes owners, joined by commas.
func appendOwners(b []byte, all []pve.Owner) []byte {
	for i, o := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOwner(b, o)
	}
	return b
}

func appendClaim(b []byte, c *lease.Claim) []byte {
	if *c == (lease.Claim{}) {
		return b
	}
	b = append(appendKey(b, "c"), '"')
	for _, part := range [...]string{c.ID, c.Node, c.Boot} {
		if part == "" {
			part = "-"
		}
		b = append(append(b, part...), ' ')
	}
	b = append(strconv.AppendInt(b, int64(c.Up/tick), 36), ' ')
	return append(strconv.AppendInt(b, seconds(c.At), 36), '"')
}

// seconds is t as Unix time, 0 for no time.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// storable says what keeps a lease out of the ledger: it would not read the
// same again.
func storable(l *lease.Lease) error {
	switch {
	case !usable(l.Addr), l.Was.IsValid() && !usable(l.Was):
		return errors.New("not an address")
	case l.Segment.Bridge == "":
		return errors.New("no bridge")
	case int(l.State) >= len(stateKeys) || l.Origin > lease.Reserved:
		return fmt.Errorf("state %d, origin %d", l.State, l.Origin)
	case l.Owner.IsZero() && l.State != lease.Conflicted:
		return errors.New("no owner")
	case !l.Owner.IsZero() && !proper(l.Owner):
		return fmt.Errorf("%q is not an owner", l.Owner)
	}
	if i := slices.IndexFunc(l.Vouched, func(o pve.Owner) bool { return !proper(o) }); i >= 0 {
		return fmt.Errorf("%q is not an owner", l.Vouched[i])
	}
	for _, s := range [...]string{l.Segment.Bridge, l.Segment.Nodes, l.Port, l.Claim.ID, l.Claim.Node, l.Claim.Boot} {
		if !plain(s) {
			return fmt.Errorf("%q has a character that the ledger's format has no room for", s)
		}
	}
	return nil
}

// proper reports whether lease.ParseOwner would read the owner back.
func proper(o pve.Owner) bool {
	return o.Kind <= pve.VM && o.VMID >= 100 && o.VMID <= 999999999 && o.NIC >= 0 && o.NIC <= 255
}

func usable(a netip.Addr) bool { return a.IsValid() && a.Zone() == "" }

// plain reports whether s can stand in a line without escapes and blanks.
func plain(s string) bool {
	if s == "-" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
