package lab

import (
	"net/netip"
	"time"

	"github.com/mdlayher/ethernet"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"pve-iplease/internal/pve"
)

// pings makes the strangers that do so answer pings. The caller holds l.mu.
func (h *hub) pings(sw *Namespace) error {
	if h.echo != nil {
		return nil
	}
	conn, err := sw.hear(hubDevice, ethernet.EtherTypeIPv4)
	if err != nil {
		return err
	}
	h.echo = conn
	go h.runPings()
	return nil
}

// runPings hands every ping on the wire to the stranger that it is for, until
// close.
func (h *hub) runPings() {
	buf := make([]byte, 1514)
	for {
		n, _, err := h.echo.ReadFrom(buf)
		if err != nil {
			return
		}
		var f ethernet.Frame
		if f.UnmarshalBinary(buf[:n]) != nil || len(f.Destination) != len(pve.MAC{}) {
			continue
		}
		reply, to, ok := echo(f.Payload)
		if !ok {
			continue
		}
		back := ethernet.Frame{Destination: f.Source, Source: f.Destination, EtherType: ethernet.EtherTypeIPv4, Payload: reply}
		for _, s := range h.concerned(to) {
			if s.MAC == pve.MAC(f.Destination) {
				s.pinged(marshal(&back))
			}
		}
	}
}

// pinged sends the answer to a ping, if the script lets it.
func (s *Stranger) pinged(frame []byte) {
	s.mu.Lock()
	lost := s.loss.Float64() < s.script.Loss
	answers := s.script.Echo && !s.mute && !lost
	s.mu.Unlock()
	if answers {
		time.AfterFunc(s.script.Delay, func() { s.hub.send(frame) })
	}
}

// echo makes the answer to a ping, an IPv4 packet that is no fragment
// (RFC 792), and tells whom it was sent to. The addresses change places, which
// leaves the header's checksum right.
func echo(request []byte) (reply []byte, to netip.Addr, ok bool) {
	h, err := ipv4.ParseHeader(request)
	if err != nil || h.Protocol != 1 || h.FragOff != 0 || h.TotalLen > len(request) || h.TotalLen < h.Len {
		return nil, to, false
	}
	m, err := icmp.ParseMessage(1, request[h.Len:h.TotalLen])
	if err != nil || m.Type != ipv4.ICMPTypeEcho {
		return nil, to, false
	}
	m.Type = ipv4.ICMPTypeEchoReply
	body, err := m.Marshal(nil)
	if err != nil {
		return nil, to, false
	}
	reply = append(append([]byte{}, request[:h.Len]...), body...)
	copy(reply[12:16], request[16:20])
	copy(reply[16:20], request[12:16])
	to, _ = netip.AddrFromSlice(request[16:20])
	return reply, to, true
}
