package lab

import (
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"

	"pve-iplease/internal/pve"
)

// reply builds the stranger's answer to a request.
func (s *Stranger) reply(request *arp.Packet) []byte {
	to := pve.MAC(request.SenderHardwareAddr)
	if s.script.Garbage {
		return garbage(s.MAC, to, request.TargetIP)
	}
	if s.script.Broadcast {
		return s.envelope(ethernet.Broadcast, encode(arp.OperationReply, s.MAC, request.TargetIP, to, request.SenderIP))
	}
	if s.script.Rotate {
		from := RandomMAC()
		f := ethernet.Frame{
			Destination: hardware(to), Source: hardware(from), EtherType: ethernet.EtherTypeARP,
			Payload: encode(arp.OperationReply, from, request.TargetIP, to, request.SenderIP),
		}
		return marshal(&f)
	}
	return s.frame(arp.OperationReply, request.TargetIP, to, request.SenderIP)
}

// frame builds an ARP frame from the stranger: to everybody when no receiver
// is named.
func (s *Stranger) frame(op arp.Operation, sender netip.Addr, to pve.MAC, target netip.Addr) []byte {
	dst := hardware(to)
	if to.IsZero() {
		dst = ethernet.Broadcast
	}
	return s.envelope(dst, encode(op, s.MAC, sender, to, target))
}

// envelope puts a payload into the stranger's Ethernet frame.
func (s *Stranger) envelope(dst net.HardwareAddr, payload []byte) []byte {
	f := ethernet.Frame{Destination: dst, Source: hardware(s.MAC), EtherType: ethernet.EtherTypeARP, Payload: payload}
	if s.script.VLAN != 0 {
		f.VLAN = &ethernet.VLAN{ID: s.script.VLAN}
	}
	return marshal(&f)
}

// encode builds an ARP packet (RFC 826).
func encode(op arp.Operation, from pve.MAC, sender netip.Addr, to pve.MAC, target netip.Addr) []byte {
	p, err := arp.NewPacket(op, hardware(from), sender, hardware(to), target)
	if err != nil {
		panic(err) // an address of a script that is no IPv4
	}
	b, err := p.MarshalBinary()
	if err != nil {
		panic(err) // documented: never
	}
	return b
}

func marshal(f *ethernet.Frame) []byte {
	b, err := f.MarshalBinary()
	if err != nil {
		panic(err) // a VLAN ID of a script over 4094
	}
	return b
}

// garbage is an ARP reply whose lengths lie and whose end is missing.
func garbage(from, to pve.MAC, a netip.Addr) []byte {
	b := encode(arp.OperationReply, from, a, to, netip.IPv4Unspecified())
	b[4], b[5] = 0xff, 0x10
	f := ethernet.Frame{Destination: hardware(to), Source: hardware(from), EtherType: ethernet.EtherTypeARP, Payload: b}
	return marshal(&f)[:24]
}
