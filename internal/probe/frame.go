package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"

	"pve-iplease/internal/pve"
)

// word is one ARP packet that came off the wire, request or reply, or what
// IPv6 has instead.
type word struct {
	speaker pve.MAC    // the packet's sender hardware address
	source  pve.MAC    // the frame's: the one that a bridge learns
	sender  netip.Addr // 0.0.0.0 or :: in a probe
	target  netip.Addr
	request bool
}

// errNotARP marks a frame that says nothing about an IPv4 address.
var errNotARP = errors.New("not an ARP packet for IPv4 over Ethernet")

// parseWord reads an Ethernet frame. Frames of another VLAN are refused, a
// priority tag (VLAN 0) is none.
func parseWord(b []byte) (word, error) {
	var f ethernet.Frame
	if err := f.UnmarshalBinary(b); err != nil {
		return word{}, err
	}
	if f.ServiceVLAN != nil || f.VLAN != nil && f.VLAN.ID != ethernet.VLANNone {
		return word{}, errNotARP
	}
	switch f.EtherType {
	case ethernet.EtherTypeIPv6:
		return parseND(pve.MAC(f.Source), f.Payload)
	case ethernet.EtherTypeARP:
	default:
		return word{}, errNotARP
	}
	var p arp.Packet
	if err := p.UnmarshalBinary(f.Payload); err != nil {
		return word{}, err
	}
	return newWord(pve.MAC(f.Source), &p)
}

// newWord takes from a packet what counts; RFC 826 packets of other networks
// are refused.
func newWord(source pve.MAC, p *arp.Packet) (word, error) {
	const ethernetHardware = 1 // RFC 826, ares_hrd$Ethernet
	request := p.Operation == arp.OperationRequest
	if p.HardwareType != ethernetHardware || p.ProtocolType != uint16(ethernet.EtherTypeIPv4) ||
		p.HardwareAddrLength != 6 || p.IPLength != 4 || !request && p.Operation != arp.OperationReply {
		return word{}, errNotARP
	}
	w := word{
		speaker: pve.MAC(p.SenderHardwareAddr), source: source,
		sender: p.SenderIP, target: p.TargetIP, request: request,
	}
	if w.speaker.IsZero() {
		w.speaker = source // a broken host is a host
	}
	return w, nil
}

// tagged puts a VLAN tag into a frame (IEEE 802.1Q).
func tagged(frame []byte, tag uint16) []byte {
	const addresses = 12
	out := binary.BigEndian.AppendUint16(slices.Clone(frame[:addresses]), uint16(ethernet.EtherTypeVLAN))
	out = binary.BigEndian.AppendUint16(out, tag)
	return append(out, frame[addresses:]...)
}

// untagged takes the VLAN tag out of a frame of that VLAN, as the kernel does
// for a packet socket.
func untagged(frame []byte, tag uint16) []byte {
	const addresses, header = 12, 4
	if tag == 0 || len(frame) < addresses+header || binary.BigEndian.Uint16(frame[addresses:]) != uint16(ethernet.EtherTypeVLAN) {
		return frame
	}
	copy(frame[header:], frame[:addresses])
	return frame[header:]
}

// probeFrame is the question whether anybody has the address, asked by a host
// that has none: sender 0.0.0.0, so that no cache is polluted (RFC 5227
// §2.1.1); for IPv6 see solicitationFrame.
func probeFrame(from pve.MAC, addr netip.Addr) ([]byte, error) {
	return questionFrame(from, netip.Addr{}, addr)
}

// questionFrame is a probe, or with a valid sender the question of a host that
// has that address.
func questionFrame(from pve.MAC, sender, addr netip.Addr) ([]byte, error) {
	if addr.Is6() {
		return solicitationFrame(from, sender, addr)
	}
	if !sender.IsValid() {
		sender = netip.IPv4Unspecified()
	}
	p, err := arp.NewPacket(arp.OperationRequest, from[:], sender, make(net.HardwareAddr, len(from)), addr)
	if err != nil {
		return nil, err
	}
	return arpFrame(from, p)
}

// arpFrame puts an ARP packet into a frame to everybody.
func arpFrame(from pve.MAC, p *arp.Packet) ([]byte, error) {
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	f := ethernet.Frame{Destination: ethernet.Broadcast, Source: from[:], EtherType: ethernet.EtherTypeARP, Payload: payload}
	return f.MarshalBinary()
}
