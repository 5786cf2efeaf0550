package probe

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/ndp"

	"pve-iplease/internal/pve"
)

// The record types of an MLDv2 report (RFC 3810 §5.2.12).
const (
	leaveGroup = 3 // CHANGE_TO_INCLUDE_MODE of nothing
	joinGroup  = 4 // CHANGE_TO_EXCLUDE_MODE of nothing
)

// membershipFrame tells switches that the solicited-node groups of the
// addresses are wanted here, or no more: one that snoops keeps a rival's
// probes from us otherwise (RFC 4862 §5.4.2, RFC 4541 §3). It is sent from ::,
// as by a host that has no address yet (RFC 3810 §5.2.13).
func membershipFrame(from pve.MAC, kind byte, addrs []netip.Addr) ([]byte, error) {
	const (
		report         = 143 // MLDv2 (RFC 3810 §5.2)
		hopByHop       = 0
		record, header = 20, 8
	)
	all := netip.MustParseAddr("ff02::16")
	body := make([]byte, header, header+record*len(addrs))
	body[0] = report
	binary.BigEndian.PutUint16(body[6:], uint16(len(addrs)))
	for _, a := range addrs {
		group, err := ndp.SolicitedNodeMulticast(a)
		if err != nil {
			return nil, err
		}
		body = append(append(body, kind, 0, 0, 0), group.AsSlice()...)
	}
	binary.BigEndian.PutUint16(body[2:], checksum(netip.IPv6Unspecified(), all, body))
	// A router alert (RFC 2711) and two bytes of padding.
	options := []byte{protocolICMPv6, 0, 5, 2, 0, 0, 1, 0}
	return packetFrame(from, netip.IPv6Unspecified(), all, hopByHop, 1, append(options, body...))
}

// attend joins or leaves the groups of the IPv6 candidates. It is a courtesy
// to snooping switches: that it fails is no reason for doubt.
func (p *Port) attend(w *window, kind byte) {
	var six []netip.Addr
	for _, a := range w.question.Candidates {
		if a.Is6() {
			six = append(six, a)
		}
	}
	if len(six) == 0 {
		return
	}
	if frame, err := membershipFrame(p.mac, kind, six); err == nil {
		_ = p.wire.send(frame)
	}
}
