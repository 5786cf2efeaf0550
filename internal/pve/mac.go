package pve

import (
	"encoding/hex"
	"fmt"
	"net"
)

// MAC is an Ethernet hardware address as a comparable value. The zero value
// means "none known".
type MAC [6]byte

// ParseMAC reads the notations of net.ParseMAC for 48-bit addresses, and
// twelve hexadecimal digits without separators.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	if len(s) == 12 {
		if _, err := hex.Decode(m[:], []byte(s)); err == nil {
			return m, nil
		}
	}
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != len(m) {
		return MAC{}, fmt.Errorf("%q is not a MAC address; write it like BC:24:11:00:01:00", s)
	}
	return MAC(hw), nil
}

// String prints the address as Proxmox does, BC:24:11:00:01:00.
func (m MAC) String() string {
	const digits = "0123456789ABCDEF"
	s := make([]byte, 0, 3*len(m))
	for _, b := range m {
		s = append(s, digits[b>>4], digits[b&0xf], ':')
	}
	return string(s[:len(s)-1])
}

// StandIn is the address that questions are sent from which need another sender
// than m: m with the bit that says that nobody's factory made it, so that a
// switch which counts addresses sees one more and not one more each time, and
// everybody can tell whose it is.
func (m MAC) StandIn() MAC {
	const group, local, unlike = 0x01, 0x02, 0x08
	m[0] = m[0]&^group ^ unlike | local
	return m
}

// IsZero reports whether no address is known.
func (m MAC) IsZero() bool { return m == MAC{} }
