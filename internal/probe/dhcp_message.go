package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// Numbers of DHCP (RFC 2131, RFC 2132).
const (
	etherTypeIPv4  = 0x0800
	protocolUDP    = 17
	dhcpServerPort = 67
	dhcpClientPort = 68

	bootRequest, bootReply = 1, 2
	broadcastFlag          = 0x8000
	magicCookie            = 0x63825363
	messageLength          = 300 // of BOOTP, which some servers insist on (RFC 1542 §2.1)

	optionPad, optionEnd = 0, 255
	optionMask           = 1
	optionRouter         = 3
	optionTime           = 51
	optionType           = 53
	optionServer         = 54
	optionWanted         = 55

	typeDiscover, typeOffer = 1, 2
)

// Where things are in a frame without options in its IP header, and in a
// message.
const (
	ipStart  = 14
	udpStart = ipStart + 20

	idAt     = 4
	flagsAt  = 10
	yourAt   = 16
	clientAt = 28
	cookieAt = 236
	tailAt   = 240
)

// discoverFrame is a DHCPDISCOVER to everybody, of a client with a hardware
// address that need not be the sender's.
func discoverFrame(from, client pve.MAC, id uint32) []byte {
	m := make([]byte, messageLength)
	m[0], m[1], m[2] = bootRequest, 1, 6 // Ethernet, whose addresses have six bytes
	binary.BigEndian.PutUint32(m[idAt:], id)
	binary.BigEndian.PutUint16(m[flagsAt:], broadcastFlag)
	copy(m[clientAt:], client[:])
	binary.BigEndian.PutUint32(m[cookieAt:], magicCookie)
	copy(m[tailAt:], []byte{optionType, 1, typeDiscover, optionWanted, 4, optionMask, optionRouter, optionTime, optionServer, optionEnd})

	udp := binary.BigEndian.AppendUint16(nil, dhcpClientPort)
	udp = binary.BigEndian.AppendUint16(udp, dhcpServerPort)
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(m)))
	udp = append(udp, 0, 0) // no checksum (RFC 768)

	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(udp)+len(m)))
	binary.BigEndian.PutUint16(ip[10:], headerChecksum(ip))

	ether := slices.Concat([]byte{255, 255, 255, 255, 255, 255}, from[:], []byte{etherTypeIPv4 >> 8, etherTypeIPv4 & 0xff})
	return slices.Concat(ether, ip, udp, m)
}

// headerChecksum is IPv4's (RFC 1071).
func headerChecksum(header []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// errNoOffer marks a frame that is no offer to us.
var errNoOffer = errors.New("no DHCPOFFER to this question")

// parseOffer reads a frame that an offer to the question id may be in.
func parseOffer(frame []byte, id uint32) (Offer, error) {
	if len(frame) < udpStart || binary.BigEndian.Uint16(frame[12:]) != etherTypeIPv4 || frame[ipStart]>>4 != 4 {
		return Offer{}, errNoOffer
	}
	at := ipStart + 4*int(frame[ipStart]&0xf) + 8
	if at < udpStart+8 || len(frame) < at+tailAt {
		return Offer{}, errNoOffer
	}
	m := frame[at:]
	if m[0] != bootReply || binary.BigEndian.Uint32(m[idAt:]) != id || binary.BigEndian.Uint32(m[cookieAt:]) != magicCookie {
		return Offer{}, errNoOffer
	}
	o := Offer{MAC: pve.MAC(frame[6:12]), Addr: netip.AddrFrom4([4]byte(m[yourAt:]))}
	kind := o.options(m[tailAt:])
	if !o.Server.IsValid() {
		o.Server = netip.AddrFrom4([4]byte(frame[ipStart+12:])) // where the packet says it comes from
	}
	if kind != typeOffer || o.Addr.IsUnspecified() {
		return Offer{}, errNoOffer
	}
	return o, nil
}

// options reads those that matter and returns the kind of the message. One
// that is cut off ends it.
func (o *Offer) options(b []byte) (kind byte) {
	for len(b) > 0 && b[0] != optionEnd {
		if b[0] == optionPad {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			break
		}
		code, v := b[0], b[2:2+int(b[1])]
		b = b[2+int(b[1]):]
		switch {
		case code == optionType && len(v) == 1:
			kind = v[0]
		case len(v) < 4:
		case code == optionMask:
			o.Bits = maskBits(binary.BigEndian.Uint32(v))
		case code == optionRouter:
			o.Gateway = netip.AddrFrom4([4]byte(v))
		case code == optionServer:
			o.Server = netip.AddrFrom4([4]byte(v))
		case code == optionTime:
			o.Time = time.Duration(binary.BigEndian.Uint32(v)) * time.Second
		}
	}
	return kind
}

// maskBits is the length of a netmask, 0 for what is none.
func maskBits(mask uint32) (bits int) {
	for bits = 32; bits > 0 && mask != ^uint32(0)<<(32-bits); bits-- {
	}
	return bits
}
