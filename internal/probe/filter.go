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

// filterSpec is what there is to hear: any word about some addresses, and what some
// hosts say themselves. The zero topic is everything.
type filterSpec struct{ about, from []netip.Addr }

func (t filterSpec) size() int { return len(t.about) + len(t.from) }

// of is what a topic says of one family.
func (t filterSpec) of(six bool) filterSpec {
	other := func(a netip.Addr) bool { return a.Is6() != six }
	return filterSpec{slices.DeleteFunc(slices.Clone(t.about), other), slices.DeleteFunc(slices.Clone(t.from), other)}
}

// maxAbout is how many addresses a filter can name: a jump is at most 255
// long, and a program has at most 4,096 instructions.
const maxAbout = 120

// filter lets ARP and IPv6 neighbour solicitations and advertisements of one
// VLAN pass, and of those only what belongs to the topic: nobody can fill our
// buffer with what was not asked for.
func filter(tag uint16, t filterSpec) ([]bpf.RawInstruction, error) { return program(t, ofVLAN(tag)) }

// program is a filter for a topic, with what a frame must be beside.
func program(t filterSpec, beside []bpf.Instruction) ([]bpf.RawInstruction, error) {
	arp, six := []bpf.Instruction(nil), neighbourDiscovery()
	if n := t.size(); n > 0 && n <= maxAbout {
		arp, six = t.of(false).words4(), append(six, t.of(true).words6()...)
	}
	ours := []bpf.Instruction{
		bpf.LoadAbsolute{Off: etherTypeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(ethernet.EtherTypeARP), SkipTrue: 1},
		bpf.Jump{Skip: 3},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(ethernet.EtherTypeIPv6), SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(arp)) + 2},
		bpf.RetConstant{Val: 0},
	}
	return bpf.Assemble(slices.Concat(ours, arp, []bpf.Instruction{bpf.Jump{Skip: uint32(len(six))}}, six,
		beside, []bpf.Instruction{bpf.RetConstant{Val: snapLength}}))
}

const (
	etherTypeOffset = 12
	packetOffset    = 14
)

// The messages of RFC 4861 §4.3 and §4.4.
const (
	solicitation  = 135
	advertisement = 136
)

const icmpTypeOffset = packetOffset + headerLength

// neighbourDiscovery goes on with a solicitation or an advertisement.
func neighbourDiscovery() []bpf.Instruction {
	return slices.Concat(
		[]bpf.Instruction{bpf.LoadAbsolute{Off: packetOffset + nextHeaderOffset, Size: 1}},
		must(bpf.JumpEqual, protocolICMPv6),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: icmpTypeOffset, Size: 1}},
		must(bpf.JumpGreaterOrEqual, solicitation),
		must(bpf.JumpLessOrEqual, advertisement),
	)
}

// words4 goes on with an ARP packet that belongs to the topic (RFC 826).
func (t filterSpec) words4() (prog []bpf.Instruction) {
	const senderOffset, targetOffset = packetOffset + 14, packetOffset + 24
	end := 3 + t.size() + len(t.about)
	oneOf := func(offset uint32, addrs []netip.Addr) {
		prog = append(prog, bpf.LoadAbsolute{Off: offset, Size: 4})
		for _, a := range addrs {
			b := a.As4()
			prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(b[:]), SkipTrue: uint8(end - len(prog) - 1)})
		}
	}
	oneOf(senderOffset, slices.Concat(t.about, t.from))
	oneOf(targetOffset, t.about)
	return append(prog, bpf.RetConstant{Val: 0})
}

// words6 goes on with a message of neighbour discovery that belongs to the
// topic: an advertisement of an address, or a solicitation for one or from it.
func (t filterSpec) words6() (prog []bpf.Instruction) {
	const senderOffset, nameOffset = packetOffset + sourceOffset, icmpTypeOffset + 8
	const test, between = 9, 3 // instructions
	end := (len(t.about)+t.size()+len(t.from))*test + between + 1
	oneOf := func(offset uint32, addrs []netip.Addr) {
		for _, a := range addrs {
			b := a.As16()
			for i := 0; i < len(b); i += 4 {
				prog = append(prog, bpf.LoadAbsolute{Off: offset + uint32(i), Size: 4},
					bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(b[i:]), SkipTrue: uint8(test - 2 - 2*i/4)})
			}
			prog = append(prog, bpf.Jump{Skip: uint32(end - len(prog) - 1)})
		}
	}
	oneOf(nameOffset, t.about)
	oneOf(senderOffset, slices.Concat(t.about, t.from))
	prog = append(prog, slices.Concat([]bpf.Instruction{bpf.LoadAbsolute{Off: icmpTypeOffset, Size: 1}}, must(bpf.JumpEqual, advertisement))...)
	oneOf(nameOffset, t.from)
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
