package probe

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/mdlayher/ethernet"
	"golang.org/x/net/bpf"
)

// snapLength is how much of a frame the kernel hands over: ARP needs 42 bytes,
// a neighbour advertisement with its options rarely over 100.
const snapLength = 256

// frameLength is a whole frame without a VLAN tag.
const frameLength = 1514

// filter lets ARP and IPv6 neighbour solicitations and advertisements of one
// VLAN pass; of ARP, if IPv4 addresses are given, only what says something about
// one of them.
func filter(tag uint16, about ...netip.Addr) ([]bpf.RawInstruction, error) {
	const (
		packetOffset  = 14
		solicitation  = 135 // RFC 4861 §4.3
		advertisement = 136
	)
	arp := aboutOneOf(about)
	six := slices.Concat(
		must(bpf.JumpEqual, uint32(ethernet.EtherTypeIPv6)),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: packetOffset + nextHeaderOffset, Size: 1}},
		must(bpf.JumpEqual, protocolICMPv6),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: packetOffset + headerLength, Size: 1}},
		must(bpf.JumpGreaterOrEqual, solicitation),
		must(bpf.JumpLessOrEqual, advertisement),
		[]bpf.Instruction{bpf.Jump{Skip: uint32(len(arp))}},
	)
	return bpf.Assemble(slices.Concat([]bpf.Instruction{
		bpf.LoadAbsolute{Off: etherTypeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ethernet.EtherTypeARP), SkipTrue: uint8(len(six))},
	}, six, arp, ofVLAN(tag), []bpf.Instruction{bpf.RetConstant{Val: snapLength}}))
}

const etherTypeOffset = 12

// maxAbout is how many addresses a filter can name: a jump is at most 255 long.
const maxAbout = 120

// aboutOneOf goes on with an ARP packet whose sender or target is one of the
// addresses (RFC 826); with all, when none or too many are given.
func aboutOneOf(addrs []netip.Addr) (prog []bpf.Instruction) {
	const senderOffset, targetOffset = 14 + 14, 14 + 24
	if len(addrs) == 0 || len(addrs) > maxAbout {
		return nil
	}
	end := 2*(1+len(addrs)) + 1
	for _, offset := range [...]uint32{senderOffset, targetOffset} {
		prog = append(prog, bpf.LoadAbsolute{Off: offset, Size: 4})
		for _, a := range addrs {
			b := a.As4()
			prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(b[:]), SkipTrue: uint8(end - len(prog) - 1)})
		}
	}
	return append(prog, bpf.RetConstant{Val: 0})
}

// ofVLAN goes on with the frames of one VLAN; 0 is what comes untagged or with
// a priority tag (VLAN 0). The kernel takes a VLAN tag out of the frame before a
// socket sees it, so the tag must be asked for: an ARP packet of another VLAN
// looks like one of ours.
func ofVLAN(tag uint16) []bpf.Instruction {
	const vlanIDMask = 0x0fff
	return append([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2}, // the zero counts as the VLAN ID
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanIDMask},
	}, must(bpf.JumpEqual, uint32(tag))...)
}

// must drops the frame unless what was loaded last compares so.
func must(cond bpf.JumpTest, value uint32) []bpf.Instruction {
	return []bpf.Instruction{bpf.JumpIf{Cond: cond, Val: value, SkipTrue: 1}, bpf.RetConstant{Val: 0}}
}
