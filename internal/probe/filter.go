package probe

import (
	"github.com/mdlayher/ethernet"
	"golang.org/x/net/bpf"
)

// snapLength is how much of a frame the kernel hands over; ARP needs 42 bytes.
const snapLength = 128

// arpFilter lets untagged ARP pass, and priority-tagged (VLAN 0). The kernel
// takes a VLAN tag out of the frame before a socket sees it, so the tag must
// be asked for: an ARP packet of another VLAN looks like one of ours.
func arpFilter() ([]bpf.RawInstruction, error) {
	const (
		etherTypeOffset = 12
		vlanIDMask      = 0x0fff
	)
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: etherTypeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(ethernet.EtherTypeARP), SkipTrue: 6},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanIDMask},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: snapLength},
		bpf.RetConstant{Val: 0},
	})
}
