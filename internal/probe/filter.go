package probe

import (
	"github.com/mdlayher/ethernet"
	"golang.org/x/net/bpf"
)

// snapLength is how much of a frame the kernel hands over: ARP needs 42 bytes,
// a neighbour advertisement with its options rarely over 100.
const snapLength = 256

// frameLength is a whole frame without a VLAN tag.
const frameLength = 1514

// filter lets ARP and IPv6 neighbour solicitations and advertisements of one
// VLAN pass; 0 is what comes untagged or with a priority
// tag (VLAN 0). The kernel takes a VLAN tag out of the frame before a socket
// sees it, so the tag must be asked for: an ARP packet of another VLAN looks
// like one of ours.
func filter(tag uint16) ([]bpf.RawInstruction, error) {
	const (
		etherTypeOffset = 12
		packetOffset    = 14
		vlanIDMask      = 0x0fff
		solicitation    = 135 // RFC 4861 §4.3
		advertisement   = 136
	)
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: etherTypeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ethernet.EtherTypeARP), SkipTrue: 6},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(ethernet.EtherTypeIPv6), SkipTrue: 11},
		bpf.LoadAbsolute{Off: packetOffset + nextHeaderOffset, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolICMPv6, SkipTrue: 9},
		bpf.LoadAbsolute{Off: packetOffset + headerLength, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: solicitation, SkipTrue: 7},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: advertisement, SkipTrue: 6},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2}, // the zero counts as the VLAN ID
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanIDMask},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(tag), SkipTrue: 1},
		bpf.RetConstant{Val: snapLength},
		bpf.RetConstant{Val: 0},
	})
}
