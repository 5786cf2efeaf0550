package dhcp

import (
	"encoding/json"
	"net/netip"

	"pve-iplease/internal/pve"
)

// networkdFile is what systemd-networkd's DHCP server writes, a file an
// interface (sd-dhcp-server-lease.c, since version 256). Numbers in lists
// because addresses are lists of bytes there.
type networkdFile struct {
	Leases       []networkdLease
	StaticLeases []networkdLease
}

type networkdLease struct {
	Address                bytesOf
	HardwareAddress        bytesOf
	Hostname               string
	ExpirationRealtimeUSec uint64
}

// bytesOf is a list of numbers; encoding/json takes []byte for base64.
type bytesOf []uint16

func (b bytesOf) bytes() []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		if v > 255 {
			return nil
		}
		out[i] = byte(v)
	}
	return out
}

// parseNetworkdLeases reads the file of one interface.
func parseNetworkdLeases(text string) Contents {
	var c Contents
	var f networkdFile
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		c.problem(0, "it is no JSON as systemd-networkd writes it: %v", err)
	}
	for _, l := range f.Leases {
		addr, mac, ok := l.read()
		if !ok {
			c.problem(0, "a lease of it has no address")
			continue
		}
		seconds := min(l.ExpirationRealtimeUSec/1e6, lastSecond+1)
		c.Leases = append(c.Leases, Lease{Addr: addr, MAC: mac, Name: l.Hostname, Until: unix(int64(seconds))})
	}
	for _, l := range f.StaticLeases {
		if addr, mac, ok := l.read(); ok {
			c.Reservations = append(c.Reservations, Reservation{Addr: addr, MAC: mac, Name: l.Hostname})
		}
	}
	c.supersede()
	return c
}

func (l networkdLease) read() (a netip.Addr, m pve.MAC, ok bool) {
	a, ok = netip.AddrFromSlice(l.Address.bytes())
	if hw := l.HardwareAddress.bytes(); len(hw) == len(m) {
		m = pve.MAC(hw)
	}
	return a, m, ok
}
