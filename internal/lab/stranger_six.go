package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"

	"pve-iplease/internal/pve"
)

// The layout of an IPv6 packet (RFC 8200 §3).
const (
	sixHeader   = 40
	icmpv6      = 58
	ndHopLimit  = 255
	sixSourceAt = 8
	sixTargetAt = 24
)

// solicits makes the strangers that do so answer neighbour solicitations. The
// caller holds l.mu.
func (h *hub) solicits(sw *Namespace) error {
	if h.six != nil {
		return nil
	}
	conn, err := sw.hear(hubDevice, ethernet.EtherTypeIPv6)
	if err != nil {
		return err
	}
	h.six = conn
	go h.runSolicits()
	return nil
}

// runSolicits hands every solicitation on the wire to those whom it concerns
// until close.
func (h *hub) runSolicits() {
	buf := make([]byte, 1514)
	for {
		n, _, err := h.six.ReadFrom(buf)
		if err != nil {
			return
		}
		asker, source, target, ok := parseSolicitation(buf[:n])
		if !ok {
			continue
		}
		for _, s := range h.concerned(target) {
			s.solicited(asker, source, target)
		}
	}
}

// parseSolicitation tells who asks for which address (RFC 4861 §4.3).
func parseSolicitation(b []byte) (asker pve.MAC, source, target netip.Addr, ok bool) {
	var f ethernet.Frame
	if f.UnmarshalBinary(b) != nil || len(f.Payload) < sixHeader || f.Payload[6] != icmpv6 {
		return asker, source, target, false
	}
	m, err := ndp.ParseMessage(f.Payload[sixHeader:])
	question, ok := m.(*ndp.NeighborSolicitation)
	if err != nil || !ok {
		return asker, source, target, false
	}
	return pve.MAC(f.Source), netip.AddrFrom16([16]byte(f.Payload[sixSourceAt:])), question.TargetAddress, true
}

// solicited answers a neighbour solicitation, if the script lets it.
func (s *Stranger) solicited(asker pve.MAC, source, target netip.Addr) {
	if !s.script.Six || !s.answers(target) {
		return
	}
	frame := s.advertisement(asker, source, target)
	if s.script.Delay == 0 {
		s.hub.send(frame)
		return
	}
	time.AfterFunc(s.script.Delay, func() { s.hub.send(frame) })
}

// advertisement says who has an address: to who asked, or to everybody when
// that one has no address yet (RFC 4861 §7.2.4).
func (s *Stranger) advertisement(asker pve.MAC, source, target netip.Addr) []byte {
	from, to, solicited := s.MAC, hardware(asker), true
	if s.script.Rotate {
		from = RandomMAC()
	}
	if source.IsUnspecified() {
		source, to, solicited = netip.IPv6LinkLocalAllNodes(), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, false
	}
	body, err := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{
		Solicited: solicited, Override: true, TargetAddress: target,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: hardware(from)}},
	}, target, source)
	if err != nil {
		panic(err) // an address of a script that is no IPv6
	}
	packet := make([]byte, sixHeader, sixHeader+len(body))
	packet[0], packet[6], packet[7] = 6<<4, icmpv6, ndHopLimit
	binary.BigEndian.PutUint16(packet[4:], uint16(len(body)))
	copy(packet[sixSourceAt:], target.AsSlice())
	copy(packet[sixTargetAt:], source.AsSlice())
	f := ethernet.Frame{Destination: to, Source: hardware(from), EtherType: ethernet.EtherTypeIPv6, Payload: append(packet, body...)}
	if s.script.VLAN != 0 {
		f.VLAN = &ethernet.VLAN{ID: s.script.VLAN}
	}
	return marshal(&f)
}
