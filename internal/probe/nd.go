package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"

	"pve-iplease/internal/pve"
)

// The layout of an IPv6 packet (RFC 8200 §3).
const (
	headerLength     = 40
	nextHeaderOffset = 6
	sourceOffset     = 8
	targetOffset     = 24
	protocolICMPv6   = 58
	ndHopLimit       = 255 // proves that no router passed it on (RFC 4861 §7.1)
)

// solicitedNode are the groups in which addresses are asked for (RFC 4291
// §2.7.1).
var solicitedNode = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff}), 104)

var errNotND = errors.New("not a neighbour solicitation or advertisement")

// parseND reads a neighbour solicitation or advertisement; what RFC 4861
// §7.1.1 and §7.1.2 tell a host to discard is discarded. The words are
// ARP's: an advertisement speaks for its target, a solicitation for its
// source, and one from :: is a probe (RFC 4862 §5.4.2).
func parseND(frame pve.MAC, b []byte) (word, error) {
	if len(b) < headerLength || b[0]>>4 != 6 || b[nextHeaderOffset] != protocolICMPv6 || b[7] != ndHopLimit {
		return word{}, errNotND
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if headerLength+length > len(b) {
		return word{}, errShort
	}
	source, target := netip.AddrFrom16([16]byte(b[sourceOffset:])), netip.AddrFrom16([16]byte(b[targetOffset:]))
	body := b[headerLength : headerLength+length]
	if checksum(source, target, body) != 0 || length < 4 || body[1] != 0 {
		return word{}, errNotND
	}
	message, err := ndp.ParseMessage(body)
	if err != nil {
		return word{}, err
	}
	w := word{source: frame}
	switch m := message.(type) {
	case *ndp.NeighborAdvertisement:
		if m.TargetAddress.IsMulticast() || m.Solicited && target.IsMulticast() {
			return word{}, errNotND
		}
		w.sender, w.speaker = m.TargetAddress, linkAddress(m.Options, ndp.Target, frame)
	case *ndp.NeighborSolicitation:
		if m.TargetAddress.IsMulticast() || source.IsUnspecified() && !solicitedNode.Contains(target) {
			return word{}, errNotND
		}
		w.request, w.sender, w.target = true, source, m.TargetAddress
		w.speaker = linkAddress(m.Options, ndp.Source, frame)
	default:
		return word{}, errNotND
	}
	return w, nil
}

// linkAddress is the hardware address that a message names, or else the one
// that it came from.
func linkAddress(options []ndp.Option, of ndp.Direction, frame pve.MAC) pve.MAC {
	for _, o := range options {
		if l, ok := o.(*ndp.LinkLayerAddress); ok && l.Direction == of && len(l.Addr) == len(frame) {
			if m := pve.MAC(l.Addr); !m.IsZero() {
				return m
			}
		}
	}
	return frame
}

// solicitationFrame asks whether anybody has the address, as a host does that
// is about to use it (RFC 4862 §5.4.2), or, with a valid sender, as one that
// wants to talk to it (RFC 4861 §7.2.2).
func solicitationFrame(from pve.MAC, sender, addr netip.Addr) ([]byte, error) {
	group, err := ndp.SolicitedNodeMulticast(addr)
	if err != nil {
		return nil, err
	}
	question := &ndp.NeighborSolicitation{TargetAddress: addr}
	if sender.IsValid() {
		question.Options = []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: from[:]}}
	} else {
		sender = netip.IPv6Unspecified()
	}
	body, err := ndp.MarshalMessageChecksum(question, sender, group)
	if err != nil {
		return nil, err
	}
	return packetFrame(from, sender, group, protocolICMPv6, ndHopLimit, body)
}

// packetFrame puts an IPv6 packet to a multicast group into an Ethernet frame
// (RFC 2464 §7).
func packetFrame(from pve.MAC, source, group netip.Addr, next, hops byte, body []byte) ([]byte, error) {
	to, src := group.As16(), source.As16()
	packet := make([]byte, headerLength, headerLength+len(body))
	packet[0], packet[nextHeaderOffset], packet[7] = 6<<4, next, hops
	binary.BigEndian.PutUint16(packet[4:], uint16(len(body)))
	copy(packet[sourceOffset:], src[:])
	copy(packet[targetOffset:], to[:])
	f := ethernet.Frame{
		Destination: append(net.HardwareAddr{0x33, 0x33}, to[12:]...), Source: from[:],
		EtherType: ethernet.EtherTypeIPv6, Payload: append(packet, body...),
	}
	return f.MarshalBinary()
}

// checksum is ICMPv6's over a message and its pseudo-header (RFC 8200 §8.1);
// 0 over one that carries the right checksum.
func checksum(source, target netip.Addr, body []byte) uint16 {
	sum := uint32(len(body)) + protocolICMPv6
	add := func(b []byte) {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(b[0])<<8 | uint32(b[1])
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	s, t := source.As16(), target.As16()
	add(s[:])
	add(t[:])
	add(body)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
