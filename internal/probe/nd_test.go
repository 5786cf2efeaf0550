package probe

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"

	"pve-iplease/internal/pve"
)

var (
	six      = netip.MustParseAddr("2001:db8::201")
	sixGroup = netip.MustParseAddr("ff02::1:ff00:201")
	allNodes = netip.MustParseAddr("ff02::1")
	router   = netip.MustParseAddr("fe80::1")
	carol    = pve.MAC{0xbc, 0x24, 0x11, 0, 0, 0xc}
)

// message is a frame of alice's with a neighbour discovery message in it.
func message(t *testing.T, m ndp.Message, source, target netip.Addr) []byte {
	t.Helper()
	body, err := ndp.MarshalMessageChecksum(m, source, target)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := packetFrame(alice, source, target, protocolICMPv6, ndHopLimit, body)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestParseND(t *testing.T) {
	t.Parallel()
	names := func(d ndp.Direction) []ndp.Option {
		return []ndp.Option{&ndp.LinkLayerAddress{Direction: d, Addr: carol[:]}}
	}
	answer := &ndp.NeighborAdvertisement{TargetAddress: six, Override: true}
	// change alters a good answer behind the Ethernet header; a checksum that
	// was right before is made right again.
	change := func(fix bool, f func([]byte)) []byte {
		b := slices.Clone(message(t, answer, six, allNodes))
		p := b[14:]
		f(p)
		if fix {
			p[42], p[43] = 0, 0
			source, target := netip.AddrFrom16([16]byte(p[8:])), netip.AddrFrom16([16]byte(p[24:]))
			binary.BigEndian.PutUint16(p[42:], checksum(source, target, p[40:40+binary.BigEndian.Uint16(p[4:])]))
		}
		return b
	}
	heard := word{speaker: alice, source: alice, sender: six}
	for name, c := range map[string]struct {
		frame []byte
		want  word // zero: refused
	}{
		"answer":               {message(t, answer, six, allNodes), heard},
		"unchanged":            {change(true, func([]byte) {}), heard},
		"answer for another":   {message(t, &ndp.NeighborAdvertisement{TargetAddress: six, Options: names(ndp.Target)}, router, allNodes), word{speaker: carol, source: alice, sender: six}},
		"probe":                {message(t, &ndp.NeighborSolicitation{TargetAddress: six}, netip.IPv6Unspecified(), sixGroup), word{speaker: alice, source: alice, sender: netip.IPv6Unspecified(), target: six, request: true}},
		"question":             {message(t, &ndp.NeighborSolicitation{TargetAddress: six, Options: names(ndp.Source)}, router, sixGroup), word{speaker: carol, source: alice, sender: router, target: six, request: true}},
		"probe to all":         {message(t, &ndp.NeighborSolicitation{TargetAddress: six}, netip.IPv6Unspecified(), allNodes), word{}},
		"from afar":            {change(false, func(p []byte) { p[7] = 254 }), word{}},
		"wrong checksum":       {change(false, func(p []byte) { p[42] ^= 1 }), word{}},
		"code":                 {change(true, func(p []byte) { p[41] = 1 }), word{}},
		"multicast target":     {change(true, func(p []byte) { p[48] = 0xff }), word{}},
		"solicited, to all":    {change(true, func(p []byte) { p[44] |= 0x40 }), word{}},
		"of another kind":      {change(true, func(p []byte) { p[40] = 134 }), word{}},
		"shorter than it says": {change(false, func(p []byte) { p[5]++ }), word{}},
		"too short":            {message(t, answer, six, allNodes)[:50], word{}},
		"not ICMPv6":           {change(true, func(p []byte) { p[6] = 17 }), word{}},
		"version 4":            {change(true, func(p []byte) { p[0] = 0x45 }), word{}},
	} {
		got, err := parseWord(c.frame)
		if c.want == (word{}) {
			if err == nil {
				t.Errorf("%s: understood as %+v", name, got)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(word{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// What is sent is what others expect (RFC 4862 §5.4.2, RFC 3810 §5.2).
func TestFramesOfIPv6(t *testing.T) {
	t.Parallel()
	b, err := probeFrame(alice, six)
	if err != nil {
		t.Fatal(err)
	}
	var f ethernet.Frame
	if err := f.UnmarshalBinary(b); err != nil || f.Destination.String() != "33:33:ff:00:02:01" {
		t.Errorf("sent to %s, %v", f.Destination, err)
	}
	w, err := parseWord(b)
	if err != nil || !w.isProbe() || w.target != six {
		t.Errorf("sent %+v, %v", w, err)
	}
	b, err = membershipFrame(alice, joinGroup, []netip.Addr{six, router})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.UnmarshalBinary(b); err != nil || f.Destination.String() != "33:33:00:00:00:16" {
		t.Errorf("sent to %s, %v", f.Destination, err)
	}
	report := f.Payload[48:]
	if sum := checksum(netip.IPv6Unspecified(), netip.MustParseAddr("ff02::16"), report); sum != 0 || len(report) != 48 {
		t.Errorf("a report of %d bytes, checksum off by %x", len(report), sum)
	}
}

func FuzzParseND(f *testing.F) {
	b, _ := solicitationFrame(alice, netip.Addr{}, six)
	f.Add(b[14:])
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseND(alice, b)
		if err == nil && (!w.sender.Is6() || w.speaker.IsZero()) {
			t.Errorf("%+v", w)
		}
	})
}
